import Foundation
import Sandbox
import Testing

@Suite("check, as a script calls it", .serialized)
struct CheckTests {
    private func check(_ sql: String, _ words: String...) async throws -> Ended {
        let folder = try Folder()
        _ = try folder.file("change.sql", sql)
        return try await Program.run(["check", folder.path + "/change.sql"] + words)
    }

    @Test("4 where something is dangerous, 0 where nothing is or a reason silences it")
    func codes() async throws {
        let bad = try await check("ALTER TABLE orders ALTER COLUMN status TYPE integer;\n")
        #expect(bad.code == 4, "\(bad)")
        #expect(bad.output.contains("change.sql:1:1"))
        #expect(bad.output.contains("ACCESS EXCLUSIVE"))
        let good = try await check("CREATE TABLE notes (id bigint PRIMARY KEY, text text);\n")
        #expect(good.code == 0, "\(good)")
        let why = try await check(
            "SET lock_timeout = '1s';\nCREATE INDEX i ON orders (status); -- lockkeeper: allow index-not-concurrent, table is empty\n"
        )
        #expect(why.code == 0, "\(why)")
        let silent = try await check(
            "SET lock_timeout = '1s';\nCREATE INDEX i ON orders (status); -- lockkeeper: allow index-not-concurrent\n"
        )
        #expect(silent.code == 4, "\(silent)")
    }

    @Test("JSON and SARIF are documents with the same findings")
    func formats() async throws {
        let sql = "SET lock_timeout = '1s';\nCREATE INDEX i ON orders (status);\n"
        let json = try await check(sql, "--format", "json")
        #expect(json.code == 4)
        let hazard = JSON(json.output)?["files"]?.array?.first?["hazards"]?.array?.first
        #expect(hazard?["rule"]?.string == "index-not-concurrent")
        #expect(hazard?["line"]?.number == 2)
        #expect(hazard?["lock"]?.string == "SHARE")
        let sarif = try await check(sql, "--format", "sarif")
        #expect(sarif.code == 4)
        let result = JSON(sarif.output)?["runs"]?.array?.first?["results"]?.array?.first
        #expect(result?["ruleId"]?.string == "index-not-concurrent")
    }

    @Test("64 for a file that is not there, and for none")
    func usage() async throws {
        let none = try await Program.run(["check"])
        #expect(none.code == 64)
        let missing = try await Program.run(["check", "/nowhere/change.sql"])
        #expect(missing.code == 64)
        #expect(missing.errors.contains("/nowhere/change.sql can't be read"))
    }

    @Test("with a database it knows columns, keys and sizes, and plans specs against it")
    func server() async throws {
        let place = try await Workplace.make(rows: 500)
        let file = try place.folder.file(
            "change.sql",
            "SET lock_timeout = '1s';\nALTER TABLE orders ALTER COLUMN status TYPE varchar(100);\n")
        // Without the database nobody knows what status was.
        #expect(try await Program.run(["check", file]).output.contains("[type-change]"))
        #expect(try await !place.run("check", file).output.contains("[type-change]"))
        try await place.execute("ANALYZE orders")
        let index = try place.folder.file(
            "index.sql", "SET lock_timeout = '1s';\nCREATE INDEX i ON orders (status);\n")
        let sized = try await place.run("check", index)
        #expect(sized.code == 4)
        #expect(sized.output.contains("orders: about 500 rows"), "\(sized)")

        let spec = try await place.run("check", place.spec)
        #expect(spec.code == 0, "\(spec)")
        #expect(spec.output.contains("rejects-writes"), "\(spec)")
        let wrong = place.folder.read("orders-status.yaml")
            .replacingOccurrences(of: "column: status", with: "column: statsu")
        let refused = try await place.run("check", try place.folder.file("wrong.yaml", wrong))
        #expect(refused.code == 4)
        #expect(refused.output.contains("wrong.yaml:6:15"), "\(refused)")
        let nobody = try await Program.run([
            "check", file, "--dsn", "host=/nowhere dbname=shop password=secret7",
        ])
        #expect(nobody.code == 5, "\(nobody)")
        #expect(!nobody.errors.contains("secret7"))
    }
}
