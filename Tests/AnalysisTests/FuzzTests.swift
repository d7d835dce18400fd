import Fuzzing
import Migration
import Testing

@testable import Analysis

/// Whatever is in them, the judgement ends, and says something or nothing.
@Suite("Files from a fuzzer")
struct FuzzTests {
    /// Every pattern that `init` prints, and one that has what they don't.
    private static let specs =
        Patterns.all.map(\.text) + [
            """
            name: orders-status
            description: &d "a \\u00e9 text"
            operations:
              - replace_column:
                  table: orders
                  column: status
                  with: {name: status_v2, type: varchar(50), nullable: true, check: "status_v2 <> ''"}
                  up: upper(status)
                  down: lower(status_v2)
              - create_index: {table: "Order Items", columns: [{expression: lower(a || 'x')}], where: b > 5}
              - sql: {phase: expand, up: "CREATE TABLE x (a int)", down: DROP TABLE x}
            settings: {stall_budget: 100ms, backfill: {batch: 50ms, workers: 2}, window: {opens: 2026-11-23T22:00:00Z}}
            checklist:
              - {id: one, text: *d}
            """
        ]

    private static let script =
        """
        -- lockkeeper: allow table-rewrite, small
        BEGIN;
        SET lock_timeout = '1s';
        ALTER TABLE orders ADD COLUMN a int DEFAULT random(), DROP COLUMN b CASCADE;
        CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON orders USING btree (lower(x) DESC) WHERE y = E'\\'';
        DO $body$ BEGIN EXECUTE 'ALTER TABLE x ALTER y TYPE bigint'; END $body$;
        COPY orders (a, b) FROM STDIN;
        1\t2
        \\.
        UPDATE orders SET a = (SELECT max(b) FROM other); COMMIT;
        \\set n 5
        SELECT :n, :'n', :"n" /* a /* nested */ comment */;
        """

    @Test("specs are read, or refused with line and column")
    func specs() throws {
        let wrong = try Fuzzer("specs", from: Self.specs).run { text in
            do throws(SpecError) { _ = try Spec.parse(text: text, file: "fuzz.yaml") } catch {
                return Fuzzer.refusal(
                    error.message, line: error.mark.line, column: error.mark.column, of: text)
            }
            return .taken
        }
        #expect(wrong == [])
    }

    @Test(
        "specs and .sql files are judged, each finding with its place",
        arguments: [".yaml", ".sql"])
    func judged(_ ending: String) throws {
        let corpus = ending == ".sql" ? [Self.script] : Self.specs
        let wrong = try Fuzzer("\(ending)-files", from: corpus).run { text in
            var check = Check()
            let checked = check.judge(text, file: "fuzz" + ending)
            guard checked.hazards.allSatisfy({ $0.line >= 1 && $0.column >= 1 }) else {
                return .wrong("a finding without a place: \(checked.hazards)")
            }
            return checked.hazards.isEmpty ? .taken : .refused
        }
        #expect(wrong == [])
    }
}
