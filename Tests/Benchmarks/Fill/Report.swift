import Foundation

/// One table of ratios.
struct Report {
    let results: [Subject: [Measurement]]
    let rows: Int
    let uuid: Bool

    var text: String {
        var lines = [
            "\(rows) rows of 200 bytes, three indexes, key \(uuid ? "random UUID" : "sequential"); "
                + "medians of \(results.values.map(\.count).max() ?? 0) runs",
            row("", ["rows/s", "ratio", "p99 ms", "/ base", "worst ms", "size", "WAL"]),
        ]
        for subject in Subject.allCases {
            guard let runs = results[subject], !runs.isEmpty else { continue }
            let ratio = median(runs, \.rowsPerSecond) / plain(\.rowsPerSecond)
            lines.append(
                row(
                    subject.rawValue,
                    [
                        subject == .baseline
                            ? "–" : String(format: "%.0f", median(runs, \.rowsPerSecond)),
                        subject == .baseline ? "–" : String(format: "%.2f", ratio),
                        String(format: "%.1f", median(runs, \.p99)),
                        String(format: "%.2f", median(runs, \.p99) / baseline(\.p99)),
                        String(format: "%.1f", runs.map(\.worst).max() ?? 0),
                        String(format: "%.2f", median(runs, \.growth)),
                        subject == .baseline
                            ? "–"
                            : String(format: "%.2f", median(runs, \.walBytes) / plain(\.walBytes)),
                    ]))
        }
        lines.append(
            "ratio, WAL: against one plain UPDATE. worst: of all runs. size: after / before.")
        return lines.joined(separator: "\n")
    }

    private func plain(_ value: (Measurement) -> Double) -> Double {
        median(results[.plain] ?? [], value)
    }

    private func baseline(_ value: (Measurement) -> Double) -> Double {
        median(results[.baseline] ?? [], value)
    }

    private func median(_ runs: [Measurement], _ value: (Measurement) -> Double) -> Double {
        let sorted = runs.map(value).sorted()
        guard !sorted.isEmpty else { return .nan }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    private func row(_ name: String, _ cells: [String]) -> String {
        name.padding(toLength: 24, withPad: " ", startingAt: 0)
            + cells.map { String(repeating: " ", count: max(1, 10 - $0.count)) + $0 }.joined()
    }
}
