import Foundation
import Postgres
import Sandbox
import Testing

@Suite("Bad input is answered with a sentence and an exit code", .serialized)
struct RefusalTests {
    /// A spec with one thing wrong, the exit code, and words of the answer.
    struct Mistake: CustomTestStringConvertible, Sendable {
        let name: String
        let wrong: [(String, String)]
        let code: Int32
        let words: [String]

        init(_ name: String, _ wrong: [(String, String)], _ code: Int32, _ words: String...) {
            self.name = name
            self.wrong = wrong
            self.code = code
            self.words = words
        }

        var testDescription: String { name }
    }

    static let mistakes: [Mistake] = [
        Mistake("malformed YAML", [("replace_column:", "replace_column: [")], 64, ".yaml:", "YAML"),
        Mistake(
            "an unknown key", [("unrepresentable:", "unrepresentible:")], 64, ".yaml:10:7",
            "did you mean \"unrepresentable\"?"),
        Mistake(
            "an unknown operation", [("replace_column:", "replace_colum:")], 64, ".yaml:4:5",
            "did you mean \"replace_column\"?"),
        Mistake("no operations", [("operations:", "description:")], 64, ".yaml:"),
        Mistake("a name that is none", [("name: orders", "name: Orders Ä")], 64, ".yaml:1:7"),
        Mistake(
            "a table that is not there", [("table: orders", "table: ordres")], 4, ".yaml:5:14",
            "no table \"ordres\"", "Correct the name"),
        Mistake(
            "a column that is not there", [("column: status", "column: statsu")], 4, ".yaml:6:15",
            "no column \"statsu\"", "Did you mean \"status\"?"),
        Mistake(
            "a type that is not there", [("varchar(50)", "varchr(50)")], 4, ".yaml:7:37",
            "varchr", "Correct it"),
        Mistake(
            "an expression that does not resolve", [("upper(status)", "upper(statsu)")], 4,
            ".yaml:8:11", "statsu"),
        Mistake(
            "an expression with a function that is not there",
            [("upper(status)", "uper(status)")], 4, ".yaml:8:11", "uper"),
        Mistake(
            "a setting that is none", [("checklist", "settings: {stall_budget: often}\nchecklist")],
            64, ".yaml:"),
    ]

    @Test("in a spec", arguments: mistakes)
    func spec(mistake: Mistake) async throws {
        let place = try await Workplace.make(rows: 10)
        var text = place.folder.read("orders-status.yaml")
        for (right, wrong) in mistake.wrong {
            try #require(text.contains(right))
            text.replace(right, with: wrong, maxReplacements: 1)
        }
        let file = try place.folder.file("wrong.yaml", text)
        for command in [["plan", file], ["run", file, "--headless"]] {
            let ended = try await Program.run(command + ["--dsn", place.dsn])
            #expect(ended.code == mistake.code, "\(ended)")
            for word in mistake.words { #expect(ended.errors.contains(word), "\(ended)") }
            #expect(ended.output == "", "\(ended)")
            #expect(!ended.errors.contains("Error Domain"), "\(ended)")
        }
        #expect(try await place.value("SELECT to_regnamespace('lockkeeper')::text") == nil)
    }

    @Test("in a file that is not there, or is none")
    func file() async throws {
        let place = try await Workplace.make(rows: 10)
        let missing = try await place.run("plan", place.folder.path + "/nowhere.yaml")
        #expect(missing.code == 64, "\(missing)")
        #expect(missing.errors.contains("nowhere.yaml"), "\(missing)")
        #expect(missing.errors.contains("lockkeeper init"), "\(missing)")
        let folder = try await place.run("plan", place.folder.path)
        #expect(folder.code == 64 && folder.errors.contains("is a folder"), "\(folder)")
        let bytes = place.folder.path + "/bytes.yaml"
        try Data([0xFF, 0xFE, 0x00]).write(to: URL(filePath: bytes))
        let binary = try await place.run("run", bytes, "--headless")
        #expect(binary.code == 64 && binary.errors.contains("UTF-8"), "\(binary)")
    }

    @Test("in a spec that changed after its run began")
    func changed() async throws {
        let place = try await Workplace.make(rows: 100)
        #expect(try await place.run("run", place.spec, "--headless", "--until", "expand").code == 0)
        let text = place.folder.read("orders-status.yaml")
        let other = try place.folder.file(
            "orders-status.yaml", text.replacing("varchar(50)", with: "varchar(60)"))
        let ended = try await place.run("run", other, "--headless")
        #expect(ended.code == 4, "\(ended)")
        #expect(ended.errors.contains("lockkeeper rollback orders-status"), "\(ended)")
        // Settings are no part of what was promised.
        _ = try place.folder.file(
            "orders-status.yaml", text + "\nsettings: {backfill: {batch: 50ms}}\n")
        let settings = try await place.run("run", place.spec, "--headless", "--until", "migrate")
        #expect(settings.code == 0, "\(settings)")
    }

    @Test("on the command line")
    func commandLine() async throws {
        let place = try await Workplace.make(rows: 10)
        for words in [
            ["run"], ["bogus"], ["run", place.spec, "--until", "nowhere"],
            ["run", place.spec, "--headless", "--purge", "--dsn", place.dsn],
            ["run", place.spec, "--headless", "--waive", "notified", "--dsn", place.dsn],
            ["run", place.spec, "--format", "json", "--dsn", place.dsn],
            ["run", place.spec, "--headless", "--override", "LAG=why", "--dsn", place.dsn],
            ["demo", "--headless"], ["demo", "--rows", "0"], ["init", "nothing"],
        ] {
            let ended = try await Program.run(words)
            #expect(ended.code == 64, "\(words): \(ended)")
            #expect(!ended.errors.isEmpty, "\(words): \(ended)")
        }
        let list = try await Program.run(["init", "--list"])
        #expect(list.code == 0 && list.output.contains("replace-column"), "\(list)")
        for line in list.output.split(separator: "\n") {
            let name = String(line.prefix { $0 != " " })
            let printed = try await Program.run(["init", name])
            #expect(printed.code == 0 && printed.output.contains("operations:"), "\(printed)")
        }
    }

    @Test("where no server is")
    func noServer() async throws {
        let place = try await Workplace.make(rows: 10)
        for words in [
            ["plan", place.spec], ["run", place.spec, "--headless"], ["status"],
            ["advance", "orders-status"], ["history"], ["locks", "--once"], ["uninstall"],
            ["rollback", "orders-status", "--yes", "orders-status"],
        ] {
            let ended = try await Program.run(
                words + ["--dsn", "host='\(place.folder.path)' password=verysecret"])
            #expect(ended.code == 5, "\(words): \(ended)")
            #expect(ended.errors.contains(place.folder.path), "\(ended)")
            #expect(ended.errors.contains("--dsn"), "\(ended)")
            #expect(!ended.description.contains("verysecret"))
        }
        let database = place.dsn.replacing("work_", with: "wrok_")
        let ended = try await Program.run(["status", "--dsn", database])
        #expect(ended.code == 5 && ended.errors.contains("does not exist"), "\(ended)")
    }
}
