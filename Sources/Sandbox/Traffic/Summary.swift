import Postgres

/// What the application went through: the demo's last word, and its exit code.
public struct Summary: Sendable, Hashable {
    public struct Phase: Sendable, Hashable {
        public let name: String
        public let seconds: Double
        public let statements: Int
        public let errors: Int
        /// Milliseconds from sending to answer; nil where nothing was sent.
        public let median: Double?
        public let p99: Double?
        public let worst: Double?
        /// Milliseconds from when the statement was due: with the time it waited for the client's
        /// earlier ones.
        public let p99Due: Double?
        public let worstDue: Double?
    }

    public let seed: UInt64
    public let phases: [Phase]
    public let errorCount: Int
    /// The first errors, oldest first.
    public let errors: [ApplicationError]
    /// Nil before `Traffic.verify`.
    public let check: Check?

    /// Whether the application met no error at all and every row is what it should be. False where
    /// nothing was checked.
    public var isClean: Bool { errorCount == 0 && check?.differing == 0 }

    public var statements: Int { phases.reduce(0) { $0 + $1.statements } }

    init(seed: UInt64, recorder: Recorder, check: Check?) {
        let result = recorder.result
        self.seed = seed
        self.check = check
        errors = result.errors
        errorCount = result.errorCount
        phases = result.phases.map { phase in
            Phase(
                name: phase.name,
                seconds: ((phase.ended ?? .now) - phase.began) / .seconds(1),
                statements: phase.statements, errors: phase.errors,
                median: phase.service.percentile(50), p99: phase.service.percentile(99),
                worst: phase.service.count > 0 ? phase.service.worst : nil,
                p99Due: phase.response.percentile(99),
                worstDue: phase.response.count > 0 ? phase.response.worst : nil)
        }
    }

    /// A table of the phases, then the errors and the check in words. Plain text, 78 columns.
    public var text: String {
        var lines = [
            Self.line(
                "Phase", ["seconds", "statements", "errors", "p50 ms", "p99 ms", "worst ms"],
                "worst due")
        ]
        for phase in phases {
            lines.append(
                Self.line(
                    phase.name,
                    [
                        Self.number(phase.seconds), String(phase.statements),
                        String(phase.errors), Self.number(phase.median), Self.number(phase.p99),
                        Self.number(phase.worst),
                    ], Self.number(phase.worstDue)))
        }
        lines.append("")
        lines.append(
            "\(statements) statements, \(errorCount) application errors (seed \(seed)).")
        lines += grouped.prefix(10).map { "  \($0.count) × \($0.what)" }
        if let check {
            lines.append(
                "\(check.rows) rows compared, \(check.trackedRows) of them with what the clients "
                    + "know: \(check.differing) differ.")
            lines += check.differences.prefix(10).map { "  " + $0 }
        } else {
            lines.append("The rows were not compared.")
        }
        return lines.joined(separator: "\n")
    }

    /// The errors that were kept, equal ones together, in the order of their first appearance.
    var grouped: [(what: String, count: Int)] {
        var order: [String] = []
        var counts: [String: Int] = [:]
        for error in errors {
            // A row's id would make every message another one.
            let message = error.message.replacing(#/order \d+/#, with: "an order")
            let what = "\(error.phase), \(error.version.name) \(error.statement): \(message)"
            if counts[what] == nil { order.append(what) }
            counts[what, default: 0] += 1
        }
        return order.map { ($0, counts[$0] ?? 0) }
    }

    private static func line(_ name: String, _ cells: [String], _ last: String) -> String {
        let first = name.count < 14 ? name + String(repeating: " ", count: 14 - name.count) : name
        return first + (cells + [last]).map { right($0, 9) }.joined()
    }

    private static func right(_ text: String, _ width: Int) -> String {
        let padding = max(1, width - text.count)
        return String(repeating: " ", count: padding) + text
    }

    /// One digit behind the point; `–` where it is not known.
    private static func number(_ value: Double?) -> String {
        guard let value else { return "–" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
