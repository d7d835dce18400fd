import Foundation

/// Durations, shares and instants as a spec writes them.
enum Quantities {
    /// `100ms`, `5s`, `24h`, `1m30s`, `7d` in milliseconds; nil where it is none.
    static func milliseconds(_ text: String) -> Int? {
        let units = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        var total = 0
        var lastUnit = Int.max
        var rest = text[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(letters.count)
            guard let number = Int(digits), let unit = units[String(letters)], unit < lastUnit
            else { return nil }
            lastUnit = unit
            let (product, overflows) = number.multipliedReportingOverflow(by: unit)
            let (sum, sumOverflows) = total.addingReportingOverflow(product)
            guard !overflows, !sumOverflows else { return nil }
            total = sum
        }
        return total
    }

    /// `100ms`, `1m30s`: what `milliseconds` reads.
    static func text(milliseconds: Int) -> String {
        guard milliseconds > 0 else { return "0ms" }
        var rest = milliseconds
        var text = ""
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        where rest >= size && !(unit == "d" && rest % size != 0) {
            text += "\(rest / size)\(unit)"
            rest %= size
        }
        return rest > 0 ? text + "\(rest)ms" : text
    }

    /// `10%`; nil where it is none, or outside 0 to 100.
    static func percent(_ text: String) -> Double? {
        guard text.hasSuffix("%"), let number = Double(text.dropLast()), number > 0, number <= 100
        else { return nil }
        return number
    }

    /// `10MB` and `512kB` in bytes, powers of 1024 as PostgreSQL counts; a bare number is bytes.
    static func bytes(_ text: String) -> Int? {
        let units = ["": 1, "B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30]
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), let unit = units[String(text.dropFirst(digits.count))]
        else { return nil }
        let (product, overflows) = number.multipliedReportingOverflow(by: unit)
        return overflows ? nil : product
    }

    /// RFC 3339: `2026-11-23T22:00:00Z`, `2026-11-23T23:00:00.5+01:00`.
    static func instant(_ text: String) -> Date? {
        let whole = Date.ISO8601FormatStyle(timeZone: .gmt)
        let fraction = Date.ISO8601FormatStyle(includingFractionalSeconds: true, timeZone: .gmt)
        return (try? whole.parse(text)) ?? (try? fraction.parse(text))
    }
}
