import Foundation

/// What the kernel says of a process (Linux: `/proc`).
struct ProcessFigures {
    let pid: pid_t

    /// Seconds of a core that it has used so far, by threads that have ended too; nil where the kernel
    /// does not say. Whole hundredths.
    var cpuSeconds: Double? {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12])
        else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Bytes of anonymous memory (`Anonymous` of `smaps_rollup`).
    var anonymousBytes: Double? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/smaps_rollup", encoding: .utf8)
        else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("Anonymous:") {
            return line.split(separator: " ").dropFirst().first.flatMap { Double($0) }.map {
                $0 * 1024
            }
        }
        return nil
    }
}

/// A middle and the worst of some measurements.
struct Sample {
    var values: [Double] = []

    mutating func add(_ value: Double) { values.append(value) }

    func percentile(_ share: Double) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return .nan }
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    var median: Double { percentile(0.5) }
    var worst: Double { values.max() ?? .nan }
}

extension Duration {
    var milliseconds: Double { self / .milliseconds(1) }
}
