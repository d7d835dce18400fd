/// A name as a spec takes it, in a list or mapping of one line too.
enum YAMLScalar {
    /// In single quotes unless it is nothing but what no reader of YAML takes for anything else.
    static func text(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_")
                || $0 == UInt8(ascii: ".")
        }
        let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        let startsAsNumber = name.first.map { $0.isNumber || $0 == "." } ?? true
        guard !isPlain || startsAsNumber || words.contains(name.lowercased()) else { return name }
        var quoted = "'"
        for scalar in name.unicodeScalars {
            if scalar == "'" { quoted += "'" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "'"
    }
}
