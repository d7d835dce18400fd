import Conformance
import Engine
import Foundation
import Migration
import Synchronization

/// A trial from its first command to its last: the commands that an operator would type, the versions
/// deployed and retired between them, the fault at its moment, and what makes up for it.
struct Trip {
    private let scene: Scene
    private let trial: Trial
    private var finding: Finding
    private var isHealed = false
    private var isNewDeployed = false
    /// What should be refused went through, because it could be begun anew.
    private var isBegunAnew = false
    /// Why nothing more is to be checked than that no write is lost.
    private var isGivenUp = false

    /// Tries it; a moment that never came is drawn again among those that there are.
    static func of(_ trial: Trial, in theatre: Theatre) async -> Finding {
        let began = ContinuousClock.now
        var moment = trial.moment
        while true {
            var finding = Finding(trial: trial)
            var count = 0
            do {
                let scene = try await Scene(trial, theatre, at: moment)
                do {
                    var trip = Trip(scene, finding)
                    try await trip.go()
                    finding = trip.finding
                } catch {
                    finding.problems.append("the trial itself: \(error)")
                }
                finding.problems += scene.problems
                finding.story += scene.story
                count = scene.trigger.count
                await scene.close()
            } catch {
                finding.problems.append("the trial's scene: \(error)")
            }
            let isMissed = trial.fault.hasMoment && !finding.isInjected
            guard isMissed, finding.problems.isEmpty, count > 0 else {
                finding.seconds = (ContinuousClock.now - began) / .seconds(1)
                return finding
            }
            moment = 1 + (moment - 1) % count
        }
    }

    private init(_ scene: Scene, _ finding: Finding) {
        self.scene = scene
        self.finding = finding
        trial = scene.trial
    }

    private mutating func go() async throws {
        try await trial.fault.prepare?(scene)
        if !trial.fault.hasMoment { finding.isInjected = true }
        await scene.old?.start()
        if !trial.isStruckOnTheWayBack { armTrigger() }
        var end = End.finished
        let goal: Phase? = if case .back(let phase) = trial.way { phase } else { nil }
        way: for leg in legs(to: goal) {
            switch try await perform(leg) {
            case .done: continue
            case .turnBack:
                end = try await rollBack()
                break way
            case .stop:
                end = .givenUp
                break way
            }
        }
        if end == .finished, goal != nil {
            if trial.isStruckOnTheWayBack { armTrigger() }
            end = try await rollBack()
        }
        if !isHealed { await heal() }
        await scene.old?.stop()
        await scene.new?.stop()
        if finding.isInjected {
            finding.isResumed = end == .finished || isBegunAnew
            finding.isRolledBack = end == .rolledBack
        }
        try await Judgement(scene: scene, end: end).pass()
    }

    enum End { case finished, rolledBack, givenUp }

    // MARK: the way

    private struct Leg {
        let words: [String]
        var stopsOld = false
        var stopsNew = false
        var startsNew = false
        var isBack = false
    }

    private func legs(to goal: Phase?) -> [Leg] {
        let run = ["run", scene.spec, "--headless", "--approve", "all"]
        let last = goal ?? .contract
        var legs = ([Phase.migrate, .switch, .contract].filter { $0 < last } + [last]).map {
            Leg(
                words: run + ["--until", $0.rawValue], stopsOld: $0 == .contract,
                startsNew: $0 == trial.variant.newAfter)
        }
        if goal == nil {
            legs.append(Leg(words: run + ["--purge"], stopsNew: trial.variant.takesOldName))
        }
        return legs
    }

    private mutating func finish() async throws {
        for leg in legs(to: nil) {
            if try await scene.state() == "finished" { return }
            guard try await perform(leg) == .done else { return }
        }
    }

    private enum Way { case done, turnBack, stop }

    private mutating func perform(_ leg: Leg) async throws -> Way {
        if leg.stopsOld { await scene.old?.stop() }
        if leg.stopsNew { await scene.new?.stop() }
        var tries = 0
        while true {
            let ended = try await scene.lockkeeper(leg.words)
            let isStruck = scene.trigger.hasFired && !finding.isInjected
            if isStruck {
                finding.isInjected = true
                await heal()
            }
            if case .isRefused(let reason) = trial.fault.end, finding.isInjected {
                return try await refused(ended, leg, reason)
            }
            if isStruck, trial.turnsBack, !leg.isBack { return .turnBack }
            if ended.code == 0 { break }
            guard finding.isInjected else {
                scene.blame("without a fault: \(ended.summary)")
                return .stop
            }
            tries += 1
            finding.retries += 1
            if tries > 3 {
                scene.blame("it does not go on: \(ended.summary)")
                return .stop
            }
        }
        if leg.startsNew, !isNewDeployed {
            await scene.new?.start()
            isNewDeployed = true
        }
        return .done
    }

    /// Refused once, it stays refused, with its reason, until somebody mends it.
    private mutating func refused(
        _ first: EngineProcess.Ended, _ leg: Leg, _ reason: String
    ) async throws -> Way {
        let again = first.code == 4 ? first : try await scene.lockkeeper(leg.words)
        // Begun anew beside what was left, it may even come to its end.
        if again.code == 0 {
            isBegunAnew = true
            return .stop
        }
        finding.isRefused = true
        if !reason.isEmpty, !(again.errors + first.errors).contains(reason) {
            scene.blame("it should say \"\(reason)\": \(again.summary)")
        }
        return .stop
    }

    /// Back to where it began. The new version is retired first, as the gate asks.
    private mutating func rollBack() async throws -> End {
        await scene.new?.stop()
        let name = "orders-status"
        let leg = Leg(
            words: ["rollback", name, "--yes", name, "--approve", "all", "--purge"], isBack: true)
        var tries = 0
        while true {
            let ended = try await scene.lockkeeper(leg.words)
            if scene.trigger.hasFired, !finding.isInjected {
                finding.isInjected = true
                await heal()
            }
            if case .isRefused = trial.fault.end, finding.isInjected {
                finding.isRefused = ended.code != 0
                return .givenUp
            }
            let isBack =
                try await scene.value(
                    """
                    SELECT CASE WHEN to_regclass('lockkeeper.migrations') IS NULL THEN 'none'
                           ELSE 'some' END
                    """) == "none"
            if ended.code == 0 { return .rolledBack }
            if ended.code == 4 || isBack {
                // There was nothing to go back from, or nothing to go back to any more.
                let state = try await scene.state()
                if state == "rolled_back" { return .rolledBack }
                finding.isRefused = true
                if isNewDeployed { await scene.new?.start() }
                try await finish()
                return .finished
            }
            guard finding.isInjected else {
                scene.blame("without a fault: \(ended.summary)")
                return .givenUp
            }
            tries += 1
            finding.retries += 1
            if tries > 3 {
                scene.blame("it does not go back: \(ended.summary)")
                return .givenUp
            }
        }
    }

    // MARK: the fault

    private func armTrigger() {
        let scene = scene
        let fault = trial.fault
        let draws = Mutex(SeededRandom(trial.random))
        scene.trigger.arm { bytes in
            if let wire = fault.wire {
                return draws.withLock { wire(bytes, &$0) }
            }
            let act: @Sendable () -> Void = {
                let striking = Task {
                    do { try await fault.strike?(scene) } catch {
                        scene.blame("the fault itself: \(error)")
                    }
                }
                scene.strikes(striking)
                Blocking.run { await striking.value }
            }
            if let within = fault.within {
                Blocking.run {
                    do { try await within.hold(scene) } catch {
                        scene.blame("what holds the statement up: \(error)")
                    }
                }
                return .meanwhile(act)
            }
            guard scene.trial.isBeforeTheServer else { return .beforeAnswer(act) }
            act()
            return .pass
        }
    }

    private mutating func heal() async {
        isHealed = true
        await scene.untilStruck()
        scene.tell("the fault is over")
        await scene.endKept()
        do { try await trial.fault.heal?(scene) } catch {
            scene.blame("the fault's end: \(error)")
        }
    }
}

extension Scene {
    /// The newest run's state in the journal; nil where there is none.
    func state() async throws -> String? {
        guard try await value("SELECT to_regclass('lockkeeper.migrations') IS NOT NULL") == "t"
        else { return nil }
        return try await value(
            "SELECT (SELECT state FROM lockkeeper.migrations ORDER BY id DESC LIMIT 1)")
    }
}
