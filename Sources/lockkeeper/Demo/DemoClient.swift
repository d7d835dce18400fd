import Engine
import Foundation
import Migration
import Sandbox

/// The shop's operators behind the engine: versions of the application are deployed and retired when
/// a gate that speaks of them is passed, before the engine hears that it is.
final class DemoClient: MigrationClient {
    let engine: Engine
    private let traffic: Traffic
    /// Whether events are printed as lines: a run without a screen.
    private let echoes: Bool

    init(engine: Engine, traffic: Traffic, echoes: Bool) {
        self.engine = engine
        self.traffic = traffic
        self.echoes = echoes
    }

    var snapshots: AsyncStream<Snapshot> { engine.snapshots }

    func perform(_ action: OperatorAction) async throws {
        if case .advance = action, case .gate(let gate)? = await engine.current.waiting {
            await deploy(for: gate.id)
        }
        try await engine.perform(action)
    }

    /// What the gate asks the operator to have done.
    private func deploy(for gate: String) async {
        switch gate {
        case "1.switch":
            await traffic.roll(out: .new)
        case "1.contract":
            await traffic.retire(.old)
            await traffic.retire(.both)
        case "1.undo":
            await traffic.roll(out: .old)
            await traffic.retire(.both)
            await traffic.retire(.new)
        default: break
        }
    }

    /// Follows the engine's events: which phase the application lives in, who may be deployed, and
    /// the session that gets in the way of the first ALTER.
    func follow(_ shop: Shop) async throws {
        var intrusion: Task<Void, any Error>?
        var printer = EventPrinter(format: .text)
        for await event in engine.events {
            if event.kind == .phaseStarted, let phase = event.phase {
                traffic.enter(phase: phase.title)
                if phase == .expand, intrusion == nil {
                    let intruder = try await Intruder.enter(shop)
                    intrusion = Task { await intruder.stay(for: .seconds(6)) }
                }
            }
            if event.kind == .phaseFinished, event.phase == .migrate {
                await traffic.roll(out: .both)
            }
            if event.kind == .stepFinished, event.step == "1.backfill.fill" {
                traffic.expectFilled(await engine.current.direction == .forward)
            }
            if event.kind == .operatorAction, event.text.hasPrefix("Rolling") {
                traffic.enter(phase: "Rollback")
                traffic.expectFilled(false)
            }
            if echoes { printer.print(event) }
        }
        intrusion?.cancel()
        try await intrusion?.value
    }
}
