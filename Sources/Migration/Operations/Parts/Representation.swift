import SQLText

/// What can be told from two types' names: whether each value of one is a value of the other.
enum Representation {
    /// True where each value of `source` surely is one of `target`; false where that is not sure.
    static func fits(_ source: String, in target: String) -> Bool {
        if source == target { return true }
        let from = parse(source)
        let to = parse(target)
        if let narrow = integers.firstIndex(of: from.base),
            let wide = integers.firstIndex(of: to.base)
        {
            return narrow <= wide
        }
        if texts.contains(from.base), texts.contains(to.base) {
            // char(n) drops the blanks at a value's end, so it is no image of other text.
            guard to.base != "character" || from.base == "character" else { return false }
            guard let room = to.numbers.first else { return true }
            return from.numbers.first.map { $0 <= room } ?? false
        }
        if from.base == "numeric", to.base == "numeric" {
            guard to.numbers.count == 2 else { return to.numbers.isEmpty }
            guard from.numbers.count == 2 else { return false }
            let digits = (from.numbers[0] - from.numbers[1], to.numbers[0] - to.numbers[1])
            return from.numbers[1] == to.numbers[1] && digits.0 <= digits.1
        }
        return integers.contains(from.base) && to.base == "numeric" && to.numbers.isEmpty
    }

    /// Whether the two are of one family, so that operators, operator classes and literals of one do
    /// for the other.
    static func isSameFamily(_ left: String, _ right: String) -> Bool {
        let bases = (parse(left).base, parse(right).base)
        return bases.0 == bases.1 || (texts.contains(bases.0) && texts.contains(bases.1))
            || (integers.contains(bases.0) && integers.contains(bases.1))
    }

    /// The most characters that a value may have, where the type says so.
    static func maximumLength(_ type: String) -> Int? {
        let parsed = parse(type)
        guard texts.contains(parsed.base) else { return nil }
        return parsed.numbers.first ?? (parsed.base == "character" ? 1 : nil)
    }

    /// True where the cast of a number to `target` raises; nil where it can't, or where it is not told
    /// from the types.
    ///
    /// Measured: a cast to numeric(p, s) and to an integer rounds first; NaN is a numeric(p, s), infinity is none.
    static func overflow(_ expression: SQL, from source: String, to target: String) -> SQL? {
        let from = parse(source)
        let to = parse(target)
        guard !fits(source, in: target), integers.contains(from.base) || from.base == "numeric"
        else { return nil }
        let number: SQL = "(\(expression))::numeric"
        if to.base == "numeric", let precision = to.numbers.first {
            let scale = to.numbers.dropFirst().first ?? 0
            return
                "(pg_catalog.abs(pg_catalog.round(\(number), \(scale))) >= 1e\(precision - scale) AND \(number) <> 'NaN')"
        }
        let bounds: [String: SQL] = [
            "smallint": "-32768 AND 32767", "integer": "-2147483648 AND 2147483647",
            "bigint": "-9223372036854775808 AND 9223372036854775807",
        ]
        return bounds[to.base].map { "pg_catalog.round(\(number)) NOT BETWEEN \($0)" }
    }

    /// timestamp ⇄ timestamptz: what a client in another zone sees shifts.
    static func isZoneShift(_ left: String, _ right: String) -> Bool {
        let zoned = [left, right].map {
            $0.hasPrefix("timestamp") && $0.hasSuffix("with time zone")
        }
        let zoneless = [left, right].map {
            $0.hasPrefix("timestamp") && $0.hasSuffix("without time zone")
        }
        return (zoned[0] && zoneless[1]) || (zoned[1] && zoneless[0])
    }

    private static let integers = ["smallint", "integer", "bigint"]
    private static let texts: Set<String> = ["text", "character varying", "character"]

    /// `character varying(50)`: the base and its numbers. Arrays keep their brackets in the base.
    static func parse(_ type: String) -> (base: String, numbers: [Int]) {
        guard let open = type.firstIndex(of: "("), let close = type.firstIndex(of: ")"),
            open < close
        else { return (type, []) }
        let numbers = type[type.index(after: open)..<close].split(separator: ",")
            .compactMap { Int($0.filter { !$0.isWhitespace }) }
        return (String(type[..<open]) + String(type[type.index(after: close)...]), numbers)
    }
}
