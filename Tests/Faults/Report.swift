import Foundation

/// What came of all trials, a row for each kind of fault.
struct Report {
    let findings: [Finding]
    let seconds: Double

    var text: String {
        let kinds = Dictionary(grouping: findings, by: \.trial.fault.name)
        var lines = [
            "| fault | injected | resumed | rolled back | refused rightly | failures | retries |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for fault in Fault.all {
            guard let of = kinds[fault.name] else { continue }
            lines.append(row(fault.name, of))
        }
        lines.append(row("all", findings))
        let injected = findings.filter(\.isInjected).count
        lines.append(
            String(
                format:
                    "%d faults in %.0f s, %.2f a second; %d operations; %d trials ended before their fault struck",
                injected, seconds, Double(injected) / max(seconds, 0.001),
                Set(findings.map(\.trial.variant.name)).count, findings.count - injected))
        return lines.joined(separator: "\n")
    }

    private func row(_ name: String, _ findings: [Finding]) -> String {
        func count(_ condition: (Finding) -> Bool) -> String {
            "\(findings.filter(condition).count)"
        }
        return "| "
            + [
                name, count(\.isInjected), count { $0.isResumed && $0.problems.isEmpty },
                count { $0.isRolledBack && $0.problems.isEmpty }, count(\.isRefused),
                count { !$0.problems.isEmpty }, "\(findings.reduce(0) { $0 + $1.retries })",
            ].joined(separator: " | ") + " |"
    }
}
