import Foundation
import Postgres
import Sandbox

/// A replica is promoted under the engine.
extension Fault {
    /// The standby is synchronous, so that PostgreSQL itself loses nothing that it has acknowledged. The
    /// primary is stopped, killed, or still there when the standby takes its place; the engine reaches
    /// the new one by a connection string of both hosts, or by an address that is turned to it, maybe
    /// while it still is a standby.
    static let failover = Fault(
        name: "failover", stage: .pair,
        prepare: { scene in
            guard let standby = scene.standby else { return }
            try await follow(scene)
            if Failover(scene).hasBothHosts {
                scene.reroute(
                    Scene.dsn([scene.tap.folder, standby.folder], scene.database))
            }
        },
        strike: { scene in
            guard let standby = scene.standby else { return }
            let failover = Failover(scene)
            scene.tell("\(failover)")
            let primary = scene.server
            if failover.turnsEarly { scene.tap.turn(to: standby.folder) }
            switch failover.end {
            case .stopped: try await primary.halt(mode: .fast)
            case .broken: try await primary.halt(mode: .immediate)
            case .crashed: try await primary.crash()
            case .alive: break
            }
            try await standby.promote()
            scene.tap.turn(to: standby.folder)
            if failover.end == .alive { try await primary.crash() }
            scene.fallOver(to: standby)
        })

    private static func follow(_ scene: Scene) async throws {
        try await scene.run(
            "ALTER SYSTEM SET synchronous_standby_names = 'standby1'", "SELECT pg_reload_conf()")
        let deadline = ContinuousClock.now + .seconds(30)
        while try await scene.value(
            "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1"
        {
            guard ContinuousClock.now < deadline else {
                throw FaultError("the standby does not follow")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}

/// How it goes, drawn from the trial.
private struct Failover: CustomStringConvertible {
    enum End: UInt64 { case stopped, broken, crashed, alive }
    let end: End
    let hasBothHosts: Bool
    let turnsEarly: Bool

    init(_ scene: Scene) {
        end = End(rawValue: scene.trial.random % 4) ?? .crashed
        hasBothHosts = scene.trial.random / 4 % 2 == 0
        turnsEarly = !hasBothHosts && scene.trial.random / 8 % 2 == 0
    }

    var description: String {
        "the standby is promoted, the primary \(end); the engine has "
            + (hasBothHosts
                ? "both hosts" : "one address" + (turnsEarly ? ", which is turned before" : ""))
    }
}
