import Engine
import Foundation
import Migration
import Sandbox

/// The shop's operators behind the engine: versions of the application are deployed and retired when
/// a gate that speaks of them is passed, before the engine hears that it is.
final class DemoClient: MigrationClient {
    let engine: Engine
    private let traffic: Traffic
    private let application: Application
    /// Whether events are printed as lines: a run without a screen.
    private let echoes: Bool

    init(engine: Engine, traffic: Traffic, application: Application, echoes: Bool) {
        self.engine = engine
        self.traffic = traffic
        self.application = application
        self.echoes = echoes
    }

    var snapshots: AsyncStream<Snapshot> { engine.snapshots }

    func inspect(pid: Int?) async { await engine.inspect(pid: pid) }

    func perform(_ action: OperatorAction) async throws {
        if case .advance = action, case .gate(let gate)? = await engine.current.waiting {
            await traffic.carryOut(application.atGate[gate.id] ?? [])
        }
        try await engine.perform(action)
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
            if event.kind == .phaseFinished, let phase = event.phase {
                await traffic.carryOut(application.afterPhase[phase.rawValue] ?? [])
            }
            if event.kind == .stepFinished, let step = event.step {
                if step == "1.backfill.fill" {
                    traffic.expectFilled(await engine.current.direction == .forward)
                }
                await traffic.carryOut(application.afterStep[step] ?? [])
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
