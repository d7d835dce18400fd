/// Numbers as people read them: the same in the plan, in messages and on the screen.
public enum Numerals {
    /// `1,234,567`
    public static func grouped(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var grouped = ""
        for (offset, digit) in digits.enumerated() {
            if offset > 0, (digits.count - offset) % 3 == 0 { grouped.append(",") }
            grouped.append(digit)
        }
        return (number < 0 ? "-" : "") + grouped
    }

    /// `< 1 ms`, `6 ms`, `1.4 s`, `41 s`, `2 min 4 s`, `1 h 12 min`, `3 d 4 h`
    public static func duration(_ seconds: Double) -> String {
        if seconds < 0 { return "-" + duration(-seconds) }
        if seconds > 0, seconds < 0.0005 { return "< 1 ms" }
        if seconds < 0.9995 { return "\(Int((seconds * 1000).rounded())) ms" }
        if seconds < 9.95 { return tenths(seconds) + " s" }
        let whole = Int(seconds.rounded())
        switch whole {
        case ..<60: return "\(whole) s"
        case ..<3600: return pair(whole / 60, "min", whole % 60, "s")
        case ..<86400: return pair(whole / 3600, "h", whole % 3600 / 60, "min")
        default: return pair(whole / 86400, "d", whole % 86400 / 3600, "h")
        }
    }

    /// `about 1.4 s`, `< 1 ms`
    public static func about(_ seconds: Double) -> String {
        let words = duration(seconds)
        return words.hasPrefix("<") ? words : "about " + words
    }

    /// `73 MB`, as `pg_size_pretty` counts.
    public static func bytes(_ count: Int) -> String {
        var value = Double(count)
        for unit in ["bytes", "kB", "MB", "GB"] {
            if value < 10_240 { return "\(Int(value.rounded())) \(unit)" }
            value /= 1024
        }
        return "\(Int(value.rounded())) TB"
    }

    /// `1.4`
    public static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func pair(
        _ large: Int, _ largeUnit: String, _ small: Int, _ smallUnit: String
    ) -> String {
        small == 0 ? "\(large) \(largeUnit)" : "\(large) \(largeUnit) \(small) \(smallUnit)"
    }
}
