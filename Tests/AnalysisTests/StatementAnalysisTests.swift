import Migration
import SQLText
import Testing

@testable import Analysis

@Suite("A statement's parse tree")
struct StatementAnalysisTests {
    private func facts(_ sql: String) -> StatementFacts {
        StatementAnalysis(sql).facts { object in
            if case .table(let name) = object {
                [QualifiedName(name.schema ?? "public", name.name)]
            } else {
                []
            }
        }
    }

    @Test("several statements add up: each kind once, the strongest lock on each table")
    func several() {
        let facts = facts(
            "UPDATE a.t SET x = 1 WHERE id = 2; ALTER TABLE a.t ADD COLUMN y int; UPDATE b SET x = 1"
        )
        #expect(facts.kind == "UPDATE, ALTER TABLE")
        #expect(facts.count == 3)
        #expect(
            facts.locks == [
                TableLock(QualifiedName("a", "t"), .accessExclusive),
                TableLock(QualifiedName("public", "b"), .rowExclusive),
            ])
        #expect(facts.scans)
        #expect(!facts.rewrites)
    }

    @Test("what does not parse has the parser's words and the place, and is not understood")
    func syntaxError() {
        let facts = facts("ALTER TABLE t ADD COLUM x int y")
        #expect(facts.error?.hasPrefix("syntax error at or near") == true)
        #expect(facts.error?.contains("(at character ") == true)
        #expect(!facts.isUnderstood)
        #expect(facts.locks.isEmpty)
    }

    @Test("no statement at all is none")
    func empty() {
        #expect(facts("-- nothing\n").count == 0)
        #expect(facts(";;").count == 0)
    }

    @Test("a WITH query's own name is no table")
    func withQuery() {
        let facts = facts("WITH w AS (SELECT * FROM t) INSERT INTO x SELECT * FROM w")
        #expect(facts.locks.map(\.table.name.name) == ["t", "x"])
    }

    @Test("an unknown statement has the strongest lock on every table that it names")
    func unknown() {
        let facts = facts("SECURITY LABEL ON TABLE t IS 'x'")
        #expect(!facts.isUnderstood)
        let merge = self.facts(
            "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = mystery(1)")
        #expect(!merge.isUnderstood)
        #expect(merge.kind == "MERGE")
        let explained = self.facts("EXPLAIN ANALYZE UPDATE t SET a = 1")
        #expect(explained.locks.map(\.mode) == [.rowExclusive])
    }
}
