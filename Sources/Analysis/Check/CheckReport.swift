import Foundation
import Migration

/// What `check` found, as a person or a program reads it.
public struct CheckReport: Sendable, Encodable {
    public let files: [CheckedFile]

    public init(_ files: [CheckedFile]) { self.files = files }

    /// Whether something in it must stop a merge: exit code 4.
    public var isDangerous: Bool { files.contains { $0.isDangerous } }

    /// `file:line:column: severity: message [rule]`, the lock and the safe way below, a count last.
    public var text: String {
        var lines: [String] = []
        for file in files {
            for hazard in file.hazards { lines += Self.lines(file.file, hazard) }
        }
        lines.append(summary)
        return lines.joined(separator: "\n")
    }

    /// `{"files": [{"file", "hazards": […]}]}`
    public func json() throws -> String { try Self.encode(self) }

    /// A SARIF 2.1.0 document, for code hosts that show findings beside the lines.
    public func sarif(version: String) throws -> String {
        try Self.encode(SARIF(self, version: version))
    }

    /// The rules of this version, as `--list-rules` prints them.
    public static var ruleList: String {
        let rules = RuleSummary.all
        let width = rules.map(\.rule.count).max() ?? 0
        return rules.map { rule in
            let name = rule.rule.padding(toLength: width, withPad: " ", startingAt: 0)
            let severity = rule.severity.rawValue.padding(
                toLength: 7, withPad: " ", startingAt: 0)
            return "\(name)  \(severity)  \(rule.summary)"
        }.joined(separator: "\n")
    }

    /// The same as `{"rules": [{"rule", "severity", "summary"}]}`.
    public static func ruleListJSON() throws -> String { try encode(["rules": RuleSummary.all]) }

    private static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static func lines(_ file: String, _ hazard: CheckHazard) -> [String] {
        let place = "\(file.shownOnOneLine):\(hazard.line):\(hazard.column): "
        var lines = [
            "\(place)\(hazard.severity.rawValue): \(hazard.message.shownOnOneLine) [\(hazard.rule)]"
        ]
        if let lock = hazard.lock { lines.append("  lock: \(lock.rawValue)") }
        if let safeWay = hazard.safeWay {
            let parts = safeWay.split(separator: "\n").map { String($0).shownOnOneLine }
            lines.append("  safe way: " + (parts.first ?? ""))
            lines += parts.dropFirst().map { "            " + $0 }
        }
        return lines
    }

    private var summary: String {
        let all = files.flatMap(\.hazards)
        guard !all.isEmpty else { return "\(count(files.count, "file")): nothing found." }
        let counts = [Hazard.Severity.danger, .warning, .note].compactMap { severity -> String? in
            let number = all.count { $0.severity == severity }
            return number == 0 ? nil : count(number, severity.rawValue)
        }
        return "\(count(files.count, "file")): \(counts.joined(separator: ", "))."
    }

    private func count(_ number: Int, _ word: String) -> String {
        "\(number) \(word)\(number == 1 ? "" : "s")"
    }
}

extension String {
    /// Without what could steer a terminal: text of a file is never trusted with it.
    fileprivate var shownOnOneLine: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
                        "\u{fffd}"
                    default: scalar
                    }
                }))
    }
}
