import Analysis
import ArgumentParser
import Foundation

struct CheckCommand: AsyncParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, sarif }

    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Judges specs and .sql files without a server: what would stall or break what.",
        discussion: """
            Files are judged in the order in which they are given; what earlier ones say about \
            tables is known in later ones. Exit code 0 when nothing of severity danger was found, \
            else 4. "-- lockkeeper: allow RULE, why" on the line, or alone on the line before it, \
            silences a rule there.
            """)

    @Argument(
        help: ArgumentHelp(
            "Specs (.yaml, .yml) and SQL files; - is standard input.", valueName: "file"))
    var files: [String] = []
    @Option(help: "text, json, or sarif for code hosts.") var format: Format = .text
    @Flag(name: .customLong("list-rules"), help: "The rules, one a line, the name first.")
    var listsRules = false

    func validate() throws {
        if files.isEmpty, !listsRules { throw ValidationError("Name the files to judge.") }
        if listsRules, format == .sarif {
            throw ValidationError("--list-rules prints text or json; a SARIF report has the rules.")
        }
    }

    func run() async throws {
        try await Exit.guarding {
            if listsRules {
                Console.line(
                    format == .json ? try CheckReport.ruleListJSON() : CheckReport.ruleList)
                return
            }
            var check = Check()
            var judged: [CheckedFile] = []
            for file in files { judged.append(check.judge(try Self.read(file), file: file)) }
            let report = CheckReport(judged)
            switch format {
            case .text: Console.line(report.text)
            case .json: Console.line(try report.json())
            case .sarif:
                Console.line(
                    try report.sarif(version: Lockkeeper.configuration.version))
            }
            if report.isDangerous { throw Exit.refused }
        }
    }

    private static func read(_ file: String) throws -> Data {
        if file == "-" { return try FileHandle.standardInput.readToEnd() ?? Data() }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: file))
        } catch {
            throw UsageError("\(file) can't be read: \((error as NSError).localizedDescription)")
        }
    }
}
