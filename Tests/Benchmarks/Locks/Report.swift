import Foundation

/// One table, with the bound beside each worst statement and whether it was reached.
struct Report {
    struct Line {
        let name: String
        var autovacuum = Ground.Waits()
        var everything = Ground.Waits()
        var plain: Ground.Plain?
    }

    let rows: Int
    let budget: Int
    var baseline = Ground.Waits()
    var lines: [Line] = []

    init(rows: Int, budget: Int) {
        self.rows = rows
        self.budget = budget
    }

    private var bound: Double { 1.2 * Double(budget) }
    private let autovacuumBound = 20.0

    var text: String {
        var text = [
            "\(rows) rows; worst statement of the application during a DDL step, ms. "
                + String(format: "Without a migration it was %.0f ms.", baseline.worst),
            "",
            "| operation | DDL steps | autovacuum, ≤ 20 | and a long reader, ≤ \(Int(bound)) | lock_timeout = 500ms |",
            "|---|---|---|---|---|",
        ]
        text += lines.map { line in
            let plain =
                line.plain.map {
                    String(format: "%.0f", $0.worst)
                        + ($0.isDone ? "" : ", not had in \($0.tries) tries")
                } ?? "–"
            let cells = [
                line.name, "\(line.everything.steps)", cell(line.autovacuum, autovacuumBound),
                cell(line.everything, bound), plain,
            ]
            return "| \(cells.joined(separator: " | ")) |"
        }
        text.append(
            "| worst of all | \(lines.reduce(0) { $0 + $1.everything.steps }) | "
                + total(\.autovacuum, autovacuumBound) + " | " + total(\.everything, bound) + " | "
                + String(format: "%.0f", lines.compactMap(\.plain?.worst).max() ?? 0) + " |")
        let errors = lines.reduce(0) {
            $0 + $1.autovacuum.errors.count + $1.everything.errors.count
        }
        let displaced = lines.reduce(0) { $0 + $1.autovacuum.displaced + $1.everything.displaced }
        text.append("")
        text.append("\(errors) errors of the application; \(displaced) autovacuums gave way.")
        return text.joined(separator: "\n")
    }

    private func cell(_ waits: Ground.Waits, _ bound: Double) -> String {
        String(format: "%.0f", waits.worst) + (waits.worst <= bound ? "" : ", not reached")
            + (waits.outcome.isEmpty ? "" : ", \(waits.outcome)")
    }

    private func total(_ kind: (Line) -> Ground.Waits, _ bound: Double) -> String {
        let worst = lines.map { kind($0).worst }.max() ?? 0
        return String(format: "%.0f", worst) + (worst <= bound ? ", reached" : ", not reached")
    }
}
