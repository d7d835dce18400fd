import Conformance
import Engine
import Foundation
import Migration
import Postgres

/// What is tried: drawn from the seed and the fault's number alone, so that it can be drawn again.
struct Trial: Sendable, CustomStringConvertible {
    enum Way: Sendable, Equatable {
        case forward
        /// Forward to the end of a phase, then all the way back.
        case back(from: Phase)
    }

    let seed: UInt64
    let number: Int
    let fault: Fault
    let variant: Variant
    let way: Way
    /// Whether it is struck on the way back, rather than on the way there.
    let isStruckOnTheWayBack: Bool
    /// The message that is struck, counted from 1 among those that act.
    let moment: Int
    /// Struck before the message reaches the server, or before its answer reaches the client.
    let isBeforeTheServer: Bool
    /// After the fault: back, where it can; else on.
    let turnsBack: Bool
    /// For whatever else the fault draws.
    let random: UInt64

    init(seed: UInt64, number: Int, faults: [Fault], operation: String?) {
        self.seed = seed
        self.number = number
        let round = faults.flatMap { Array(repeating: $0, count: $0.weight) }
        fault = round[number % round.count]
        var draw = SeededRandom(seed &+ UInt64(number) &* 0x9E37_79B9)
        let struck = fault.operations
        let variants = (Variant.all + Variant.partitioned).filter { variant in
            (operation.map(variant.name.contains) ?? true)
                && (struck.isEmpty || struck.contains(where: variant.operations.contains))
        }
        var chosen = variants.randomElement(using: &draw) ?? Variant.all[0]
        if fault.stage != .shared {
            // A crash empties unlogged tables, which is PostgreSQL's promise and not ours.
            chosen.setup = chosen.setup.map {
                SQL(writtenByUser: $0.text.replacing("CREATE UNLOGGED", with: "CREATE"))
            }
        }
        // A machine that is kept busy is no fault.
        chosen.stallBudget = "1s"
        variant = chosen
        let isWithin = fault.within != nil
        if let phase = variant.backFrom.randomElement(using: &draw), draw.next() % 5 < 2, !isWithin
        {
            way = .back(from: phase)
        } else {
            way = .forward
        }
        isStruckOnTheWayBack = way != .forward && draw.next() % 3 < 2
        moment = 1 + Int(draw.next() % (isWithin ? 4 : 120))
        isBeforeTheServer = Bool.random(using: &draw)
        turnsBack = draw.next() % 3 == 0 && !variant.backFrom.isEmpty
        random = draw.next()
    }

    var description: String {
        let route =
            switch way {
            case .forward: "forward"
            case .back(let phase): "back from \(phase.rawValue)"
            }
        return "\(number) \(fault.name), \(variant.name), \(route)"
            + (isStruckOnTheWayBack ? ", struck on the way back" : "")
            + (fault.hasMoment
                ? " at \(moment), "
                    + (fault.within != nil
                        ? "meanwhile"
                        : isBeforeTheServer ? "before the server" : "before the answer")
                : "") + (turnsBack ? ", then back" : "")
    }
}

/// What came of a trial.
struct Finding: Sendable {
    let trial: Trial
    var isInjected = false
    /// Commands that were needed after the fault, beyond the one that goes on.
    var retries = 0
    var isResumed = false
    var isRolledBack = false
    var isRefused = false
    /// What was not as promised; empty where all is well.
    var problems: [String] = []
    /// What happened, in order.
    var story: [String] = []
    var seconds = 0.0
}
