import Foundation

/// One table of ratios, with the bound beside each and whether it was reached.
struct Report {
    let rows: Int
    let largeRows: Int
    let smallRows: Int
    let uuid: Bool
    var runs: [[Subject: Measurement]] = []
    var hotRows: HotRows.Result?
    var small: OneFill.Result?
    var usual: OneFill.Result?
    var large: OneFill.Result?

    init(rows: Int, largeRows: Int, smallRows: Int, uuid: Bool) {
        self.rows = rows
        self.largeRows = largeRows
        self.smallRows = smallRows
        self.uuid = uuid
    }

    private enum Bound {
        case atLeast(Double)
        case atMost(Double)

        func isReached(by value: Double) -> Bool {
            switch self {
            case .atLeast(let least): value >= least
            case .atMost(let most): value <= most
            }
        }

        var text: String {
            switch self {
            case .atLeast(let least): "≥ \(least.formatted())"
            case .atMost(let most): "≤ \(most.formatted())"
            }
        }
    }

    var text: String {
        var lines = [
            "\(rows) rows of 200 bytes, three indexes, key \(uuid ? "random UUID" : "sequential"); "
                + "medians of \(runs.count) runs, ratios within a run",
            "",
            "| measured | against | value | to reach | |", "|---|---|---|---|---|",
        ]
        lines += rates + waits + space + others
        return lines.joined(separator: "\n")
    }

    private var rates: [String] {
        let plain = Subject.plain.rawValue
        return [
            row("fill, 1 worker, rows/s", plain, rate(.fill, .plain), .atLeast(0.95)),
            row("with its VACUUMs", plain, rate(.fillVacuumed, .plain), .atLeast(0.8)),
            row("fill, 2 workers", plain, rate(.fillTwoWorkers, .plain), .atLeast(1.3)),
            row("fill, 1 worker", Subject.handbook.rawValue, rate(.fill, .handbook), .atLeast(6)),
        ]
            + (usual.flatMap { usual in
                large.map { large in
                    [
                        row(
                            "fill of \(largeRows) rows", "\(rows) rows",
                            large.rowsPerSecond / usual.rowsPerSecond, .atLeast(0.9))
                    ]
                }
            } ?? [])
    }

    private var waits: [String] {
        let fills: [Subject] = [.fill, .fillVacuumed, .fillTwoWorkers]
        let others = "plain UPDATE \(ms(.plain)), handbook \(ms(.handbook)), none \(ms(.baseline))"
        return fills.map {
            row(
                "p99, \($0.rawValue)", Subject.baseline.rawValue, ratio($0, .baseline, \.p99),
                .atMost(1.3))
        }
            + fills.map {
                row(
                    "p99, \($0.rawValue)", Subject.elsewhere.rawValue,
                    ratio($0, .elsewhere, \.p99), nil)
            }
            + fills.map {
                row(
                    "p99 of reads, \($0.rawValue)", Subject.elsewhere.rawValue,
                    ratio($0, .elsewhere, \.readsP99), nil)
            }
            + fills.map {
                row("worst ms, \($0.rawValue)", others, median($0, \.worst), .atMost(50))
            }
    }

    private var space: [String] {
        [
            row(
                "table size after, with VACUUM", "before", median(.fillVacuumed, \.growth),
                .atMost(1.2)),
            row(
                "WAL, no VACUUM", Subject.plain.rawValue,
                median { run in ratio(run, .fill) }, .atMost(1.1)),
            row(
                "WAL, with its VACUUMs", Subject.plain.rawValue,
                median { run in ratio(run, .fillVacuumed) }, nil),
        ]
    }

    private var others: [String] {
        var lines = [
            row(
                "comparison of all rows", "count(*), one process",
                median { $0[.fillVacuumed]?.comparison.map { $0.oneProcess / $0.seconds } },
                .atLeast(0.8)),
            row(
                "comparison of all rows", "count(*), 2 parallel workers",
                median { $0[.fillVacuumed]?.comparison.map { $0.parallel / $0.seconds } }, nil),
        ]
        if let small, let large {
            lines.append(
                row(
                    "client memory, \(largeRows) rows", "\(smallRows) rows",
                    Double(large.peakMemory) / Double(small.peakMemory), .atMost(1.1)))
        }
        let errors = runs.flatMap(\.values).reduce(0) { $0 + $1.errors }
        lines.append(row("errors of the application", "–", Double(errors), .atMost(0)))
        if let hotRows {
            let against = "\(hotRows.transactions) transactions on hot rows"
            lines.append(row("errors on hot rows", against, Double(hotRows.errors), .atMost(0)))
            lines.append(
                row("deadlocks on hot rows", against, Double(hotRows.deadlocks), .atMost(0)))
        }
        return lines
    }

    // MARK: figures

    private func ratio(_ run: [Subject: Measurement], _ subject: Subject) -> Double? {
        guard let one = run[subject], let plain = run[.plain] else { return nil }
        return one.walBytes / plain.walBytes
    }

    private func rate(_ subject: Subject, _ reference: Subject) -> Double {
        median { run in
            guard let one = run[subject], let other = run[reference] else { return nil }
            return one.rowsPerSecond / other.rowsPerSecond
        }
    }

    private func ratio(
        _ subject: Subject, _ reference: Subject, _ value: (Measurement) -> Double
    ) -> Double {
        median { run in
            guard let one = run[subject], let other = run[reference] else { return nil }
            return value(one) / value(other)
        }
    }

    private func median(_ subject: Subject, _ value: (Measurement) -> Double) -> Double {
        median { $0[subject].map(value) }
    }

    private func ms(_ subject: Subject) -> String {
        String(format: "%.0f ms", median(subject, \.worst))
    }

    private func median(_ value: ([Subject: Measurement]) -> Double?) -> Double {
        let sorted = runs.compactMap(value).sorted()
        guard !sorted.isEmpty else { return .nan }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    private func row(_ name: String, _ against: String, _ value: Double, _ bound: Bound?) -> String
    {
        let reached = bound.map { $0.isReached(by: value) ? "reached" : "not reached" } ?? ""
        let shown = value.isNaN ? "–" : String(format: abs(value) >= 10 ? "%.0f" : "%.2f", value)
        return "| \(name) | \(against) | \(shown) | \(bound?.text ?? "–") | \(reached) |"
    }
}
