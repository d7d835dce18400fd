import Migration

/// The parts of SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format") that a code host
/// needs: one run, its rules, one result a hazard.
struct SARIF: Encodable {
    let schema = "https://json.schemastore.org/sarif-2.1.0.json"
    let version = "2.1.0"
    let runs: [Run]

    enum CodingKeys: String, CodingKey {
        case schema = "$schema"
        case version, runs
    }

    init(_ report: CheckReport, version: String) {
        let rules = RuleSummary.all
        let indexes = Dictionary(
            rules.enumerated().map { ($1.rule, $0) }, uniquingKeysWith: { first, _ in first })
        let driver = Driver(
            version: version,
            rules: rules.map {
                ReportingDescriptor(
                    id: $0.rule, shortDescription: Text($0.summary),
                    defaultConfiguration: Configuration(level: Self.level($0.severity)))
            })
        let results = report.files.flatMap { file in
            file.hazards.map { Result(file.file, $0, ruleIndex: indexes[$0.rule]) }
        }
        runs = [Run(tool: Tool(driver: driver), results: results)]
    }

    static func level(_ severity: Hazard.Severity) -> String {
        switch severity {
        case .danger: "error"
        case .warning: "warning"
        case .note: "note"
        }
    }

    struct Run: Encodable {
        let tool: Tool
        /// Ours count scalars.
        let columnKind = "unicodeCodePoints"
        let results: [Result]
    }

    struct Tool: Encodable { let driver: Driver }

    struct Driver: Encodable {
        let name = "lockkeeper"
        let version: String
        let rules: [ReportingDescriptor]
    }

    struct ReportingDescriptor: Encodable {
        let id: String
        let shortDescription: Text
        let defaultConfiguration: Configuration
    }

    struct Configuration: Encodable { let level: String }

    struct Text: Encodable {
        let text: String
        init(_ text: String) { self.text = text }
    }

    struct Result: Encodable {
        let ruleId: String
        let ruleIndex: Int?
        let level: String
        let message: Text
        let locations: [Location]

        init(_ file: String, _ hazard: CheckHazard, ruleIndex: Int?) {
            ruleId = hazard.rule
            self.ruleIndex = ruleIndex
            level = SARIF.level(hazard.severity)
            let lock = hazard.lock.map { " Lock: \($0.rawValue)." } ?? ""
            let safeWay = hazard.safeWay.map { " Safe way: \($0)" } ?? ""
            message = Text(hazard.message + lock + safeWay)
            locations = [Location(file, hazard)]
        }
    }

    struct Location: Encodable {
        let physicalLocation: PhysicalLocation

        init(_ file: String, _ hazard: CheckHazard) {
            physicalLocation = PhysicalLocation(
                artifactLocation: Artifact(uri: SARIF.uri(file)),
                region: Region(startLine: hazard.line, startColumn: hazard.column))
        }
    }

    struct PhysicalLocation: Encodable {
        let artifactLocation: Artifact
        let region: Region
    }

    struct Artifact: Encodable { let uri: String }

    struct Region: Encodable {
        let startLine: Int
        let startColumn: Int
    }

    /// A path as a URI reference: absolute ones as `file:`, what a URI can't hold percent-encoded.
    static func uri(_ path: String) -> String {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/".utf8)
        let encoded = path.utf8.map { byte -> String in
            if plain.contains(byte) { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count == 1 ? "0" : "") + digits
        }.joined()
        return path.hasPrefix("/") ? "file://" + encoded : encoded
    }
}
