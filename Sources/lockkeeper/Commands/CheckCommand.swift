import Analysis
import ArgumentParser
import Engine
import Foundation
import Migration
import Postgres

struct CheckCommand: AsyncParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, sarif }

    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract:
            "Judges specs and .sql files, with or without a server: what would stall or break what.",
        discussion: """
            Files are judged in the order in which they are given; what earlier ones say about \
            tables is known in later ones. Exit code 0 when nothing of severity danger was found, \
            else 4. "-- lockkeeper: allow RULE, why" on the line, or alone on the line before it, \
            silences a rule there. With --dsn the database's tables, keys and sizes are known, and \
            specs are planned against it.
            """)

    @Argument(
        help: ArgumentHelp(
            "Specs (.yaml, .yml) and SQL files; - is standard input.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml", "sql"]))
    var files: [String] = []
    @Option(
        help: ArgumentHelp(
            "Knows what this database has: a libpq URI or keyword string.", valueName: "dsn"))
    var dsn: String?
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
                Console.page(
                    format == .json ? try CheckReport.ruleListJSON() : CheckReport.ruleList)
                return
            }
            var check = Check()
            let server = dsn.map { ConnectionSettings(dsn: $0) }
            if let server {
                let known = try await CatalogueReader.read(server)
                check.know(known.definitions, sizes: known.sizes)
            }
            var judged: [CheckedFile] = []
            for file in files {
                let data = try Self.read(file)
                if let server, let (spec, text) = Self.spec(data, file) {
                    let plan = try await Self.plan(spec, server)
                    judged.append(check.judge(spec, text: text, plan: plan))
                } else {
                    judged.append(check.judge(data, file: file))
                }
            }
            let report = CheckReport(judged)
            switch format {
            case .text: Console.page(report.text)
            case .json: Console.json(try report.json())
            case .sarif:
                Console.json(
                    try report.sarif(version: Lockkeeper.configuration.version))
            }
            if report.isDangerous { throw Exit.refused }
        }
    }

    /// Nil where it is SQL, or a spec that can't be read: `Check` says why.
    private static func spec(_ data: Data, _ file: String) -> (Spec, String)? {
        guard [".yaml", ".yml"].contains(where: file.lowercased().hasSuffix),
            let text = String(data: data, encoding: .utf8),
            let spec = try? Spec.parse(text: text, file: file)
        else { return nil }
        return (spec, text)
    }

    private static func plan(_ spec: Spec, _ server: ConnectionSettings) async throws
        -> Result<Plan, Refusals>
    {
        do { return .success(try await Engine.plan(spec, server).0) } catch let error as Refusals {
            return .failure(error)
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
