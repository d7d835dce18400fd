import Foundation
import Testing

@testable import Analysis

@Suite("check on specs, and its reports")
struct CheckSpecTests {
    private func found(_ spec: String) -> [String] {
        var check = Check()
        return check.judge(spec, file: "a.yaml").hazards.map {
            "\($0.line):\($0.column) \($0.rule)"
        }
    }

    @Test("an operation is safe by construction")
    func operations() {
        #expect(
            found(
                """
                operations:
                  - replace_column:
                      table: orders
                      column: status
                      with: {name: status_v2, type: varchar(50)}
                      up: status
                """) == [])
    }

    @Test("a spec's errors have their place: unknown keys, long names")
    func errors() {
        #expect(found("operations:\n  - replace_colum: {}\n") == ["2:5 invalid-spec"])
        let long = String(repeating: "a", count: 64)
        #expect(
            found(
                "operations:\n  - add_column:\n      table: \(long)\n      column: {name: a, type: int}\n"
            )
                == ["3:14 invalid-spec"])
        #expect(found("a: [") == ["1:5 invalid-spec"])
    }

    @Test("statements of sql operations are judged at their place in the file")
    func statements() {
        let spec = """
            name: several
            operations:
              - sql:
                  phase: expand
                  up: CREATE INDEX i ON t (a)
                  down: "DROP INDEX i"
              - sql:
                  phase: expand
                  up: |
                    ALTER TABLE t
                      ADD COLUMN b int,
                      ADD COLUMN c int NOT NULL
              - sql:
                  phase: migrate
                  up: >
                    DELETE
                    FROM t
              - sql: {phase: contract, up: 'DROP TABLE t', down: SELECT 1}
              - sql:
                  phase: contract
                  up: |
                    DROP TABLE u -- lockkeeper: allow drop-table, empty since May
            """
        #expect(
            found(spec) == [
                "5:11 index-not-concurrent", "12:11 add-column-not-null", "15:11 unbatched-write",
                "18:33 drop-table",
            ])
    }

    @Test("a statement that refuses transactions is told how to run without one")
    func concurrently() {
        let build = """
            operations:
              - sql:
                  phase: expand
                  up: CREATE INDEX CONCURRENTLY i ON t (a)
            """
        #expect(found(build) == ["4:11 concurrently-in-transaction"])
        #expect(found(build + "\n      transaction: false\n      done: SELECT true\n") == [])
    }

    private func report() -> CheckReport {
        var check = Check()
        return CheckReport([
            check.judge(
                "SET lock_timeout = 9;\nDROP TABLE t;\nCREATE TABLE u (a json);", file: "a b.sql"),
            check.judge("SELECT 1", file: "/b.sql"),
        ])
    }

    @Test("text has a line a hazard that editors can follow, and a count")
    func text() {
        let lines = report().text.split(separator: "\n")
        #expect(lines.first?.hasPrefix("a b.sql:2:1: danger: ") == true)
        #expect(lines.first?.hasSuffix(" [drop-table]") == true)
        #expect(lines.dropFirst().first == "  lock: ACCESS EXCLUSIVE")
        #expect(lines.last == "2 files: 1 danger, 1 note.")
        #expect(CheckReport([]).text == "0 files: nothing found.")
    }

    @Test("text of a file never reaches the terminal as an escape")
    func escapes() {
        var check = Check()
        let judged = check.judge("DROP TABLE \"\u{1b}[2J\u{202e}\"", file: "a.sql")
        let text = CheckReport([judged]).text
        #expect(!text.contains("\u{1b}"))
        #expect(!text.unicodeScalars.contains("\u{202e}"))
    }

    @Test("JSON has the shape that scripts rely on")
    func json() throws {
        let object = try JSONSerialization.jsonObject(with: Data(report().json().utf8))
        let files = try #require((object as? [String: Any])?["files"] as? [[String: Any]])
        #expect(files.map { $0["file"] as? String } == ["a b.sql", "/b.sql"])
        let hazards = try #require(files.first?["hazards"] as? [[String: Any]])
        let first = try #require(hazards.first)
        #expect(
            Set(first.keys) == [
                "rule", "severity", "line", "column", "message", "lock", "safe_way",
            ])
        #expect(first["severity"] as? String == "danger")
        #expect(first["lock"] as? String == "ACCESS EXCLUSIVE")
        #expect(hazards.last?["lock"] is NSNull)
        #expect((files.last?["hazards"] as? [Any])?.isEmpty == true)
    }

    @Test("SARIF names each rule, and gives each result a level and a region")
    func sarif() throws {
        let text = try report().sarif(version: "1.2.3")
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        #expect(object?["version"] as? String == "2.1.0")
        #expect(object?["$schema"] is String)
        let run = try #require((object?["runs"] as? [[String: Any]])?.first)
        let driver = try #require((run["tool"] as? [String: Any])?["driver"] as? [String: Any])
        #expect(driver["name"] as? String == "lockkeeper")
        let rules = try #require(driver["rules"] as? [[String: Any]])
        #expect(rules.map { $0["id"] as? String } == RuleSummary.all.map(\.rule))
        let results = try #require(run["results"] as? [[String: Any]])
        #expect(results.map { $0["level"] as? String } == ["error", "note"])
        let result = try #require(results.first)
        let index = try #require(result["ruleIndex"] as? Int)
        #expect(rules[index]["id"] as? String == result["ruleId"] as? String)
        #expect((result["message"] as? [String: Any])?["text"] is String)
        let location = try #require((result["locations"] as? [[String: Any]])?.first)
        let place = try #require(location["physicalLocation"] as? [String: Any])
        #expect((place["artifactLocation"] as? [String: Any])?["uri"] as? String == "a%20b.sql")
        #expect(place["region"] as? [String: Int] == ["startLine": 2, "startColumn": 1])
    }
}
