import Foundation
import Testing

@testable import Migration

@Suite struct SpecTests {
    static let whole = """
        name: orders-status
        description: Orders get a checked status column
        operations:
          - replace_column:
              table: orders
              column: status
              with: {name: status_v2, type: varchar(50), nullable: true}
              up: status
              down: status_v2
              writes: trigger
              final_name: status
        settings:
          stall_budget: 250ms
          backfill: {batch: 1m30s, workers: 2, pause: 0ms, vacuum_every: null}
          throttle: {replication_lag: 5s, lock_waiters: null, active_sessions: 30, wal_rate: 10MB, query: SELECT false}
          quarantine: 48h
          window: {opens: 2026-11-23T22:00:00Z, closes: 2026-11-24T03:00:00+01:00}
        gates:
          1.switch: Deploy it
          1.contract: {text: Retire it, approvals: 2}
        notify: [./tell-the-team]
        checklist:
          - {id: compatible, text: Migration is backward compatible}
          - Backups are fresh!
        """

    @Test("a byte order mark before the first line is no part of it")
    func byteOrderMark() throws {
        let text = "\u{FEFF}name: a\noperations:\n  - drop_index: {name: b}\n"
        #expect(try Spec.parse(text: text, file: "a.yaml").name == "a")
    }

    @Test("every part of a spec is read")
    func parts() throws {
        let spec = try Spec.parse(text: Self.whole, file: "a/orders.yaml")
        #expect(spec.name == "orders-status")
        #expect(spec.description == "Orders get a checked status column")
        #expect(spec.operations.map(\.key) == ["replace_column"])
        #expect(spec.operations.map(\.mark) == [SourceMark(line: 4, column: 5)])
        #expect(spec.settings.stallBudgetMilliseconds == 250)
        #expect(spec.settings.backfill.batchMilliseconds == 90_000)
        #expect(spec.settings.backfill.workers == 2)
        #expect(spec.settings.backfill.vacuumEveryPercent == nil)
        #expect(spec.settings.throttle.replicationLagSeconds == 5)
        #expect(spec.settings.throttle.lockWaiters == nil)
        #expect(spec.settings.throttle.activeSessions == 30)
        #expect(spec.settings.throttle.walRate == 10_485_760)
        #expect(spec.settings.throttle.query == "SELECT false")
        #expect(spec.settings.quarantineSeconds == 172_800)
        let window = try #require(spec.settings.window)
        #expect(window.closes?.timeIntervalSince(try #require(window.opens)) == 4 * 3600)
        #expect(spec.gates["1.switch"]?.text == "Deploy it")
        #expect(spec.gates["1.contract"]?.approvals == 2)
        #expect(spec.notify == ["./tell-the-team"])
        #expect(spec.checklist.map(\.id) == ["compatible", "backups-are-fresh"])
    }

    @Test("the file names the migration, and five questions are asked, where the spec says nothing")
    func defaults() throws {
        let text = "operations: [{sql: {phase: expand, up: SELECT 1}}]"
        let spec = try Spec.parse(text: text, file: "some/where/orders_2.yaml")
        #expect(spec.name == "orders_2")
        #expect(
            spec.checklist.map(\.id) == [
                "compatible", "rollback", "rehearsed", "monitored", "notified",
            ])
        #expect(spec.settings == Settings())
        let asksNothing = try Spec.parse(text: text + "\nchecklist: []", file: "a.yaml")
        #expect(asksNothing.checklist.isEmpty)
    }

    @Test(
        "what is wrong with a spec is said with its place and a way out",
        arguments: [
            ("", 1, 1, "this file is empty", ""),
            ("operations: [", 1, 14, "no valid YAML", ""),
            ("name: a\n\toperations: []", 2, 1, "no valid YAML", "indent with spaces"),
            ("name: a", 1, 1, "a spec needs \"operations\"", ""),
            ("name: a\nname: b\noperations: []", 1, 1, "stands twice", ""),
            ("name: a\noperations: []\n---\nname: b", 3, 1, "a second document", ""),
            ("nme: a\noperations: []", 1, 1, "no key \"nme\"", "did you mean \"name\"?"),
            ("name: A B\noperations: [{sql: {phase: expand, up: x}}]", 1, 7, "at most 40", ""),
            ("operations: []", 1, 13, "list at least one", ""),
            ("operations: {}", 1, 13, "must be a list", ""),
            ("operations:\n  - replace_colum: {}", 2, 5, "no operation", "\"replace_column\"?"),
            ("operations:\n  - sql:\n      phase: expand\n    up: x", 4, 5, "indent it", ""),
            (
                "operations:\n  - replace_column: {table: t, colum: c}", 2, 32, "no key \"colum\"",
                "did you mean \"column\"?"
            ),
            ("operations:\n  - replace_column: {table: t}", 2, 5, "needs \"column\"", ""),
            ("operations:\n  - sql: {phase: expnd, up: x}", 2, 18, "must be one of", "\"expand\"?"),
            ("operations:\n  - sql: {phase: expand, up: }", 2, 30, "\"up\" is empty", ""),
            (
                "operations:\n  - sql: {phase: expand, up: x, transaction: false}", 2, 46,
                "needs \"done\"", ""
            ),
            (
                "operations:\n  - backfill: {table: t, where: a IS NULL, set: {a: (b}}", 2, 53,
                "never closed", ""
            ),
            (
                "operations:\n  - backfill: {table: t, where: 'a; b', set: {a: b}}", 2, 33,
                "has a \";\"", ""
            ),
            (
                "operations:\n  - create_index: {table: t, columns: [a], unique: maybe}", 2, 52,
                "true or false", ""
            ),
            (
                "operations:\n  - add_column: {table: t, column: {name: a, type: int, nullable: false}}",
                2, 67, "give \"default\" or \"up\"", ""
            ),
            (
                "operations:\n  - add_column: {table: t, column: {name: \(String(repeating: "é", count: 32)), type: int}}",
                2, 43, "64 bytes", ""
            ),
            (
                "operations: [{sql: {phase: expand, up: x}}]\nsettings: {stall_budget: 5}", 2, 26,
                "is no duration", ""
            ),
            (
                "operations: [{sql: {phase: expand, up: x}}]\nsettings:\n  backfill: {bacth: 5ms}",
                3, 14, "no key \"bacth\"", "did you mean \"batch\"?"
            ),
            (
                "operations: [{sql: {phase: expand, up: x}}]\nsettings: {window: {opens: 2026-11-24T00:00:00Z, closes: 2026-11-23T00:00:00Z}}",
                2, 58, "closes before it opens", ""
            ),
            (
                "operations: [{sql: {phase: expand, up: x}}]\nsettings: {window: {opens: tonight}}",
                2, 28, "RFC 3339", ""
            ),
            (
                "operations: [{sql: {phase: expand, up: x}}]\nchecklist: [A b, a B]", 2, 18,
                "\"a-b\"", ""
            ),
            (
                "operations: [{sql: {phase: expand, up: x}}]\ngates: {1.expand: {text: a, approvals: 0}}",
                2, 40, "from 1 to 20", ""
            ),
        ])
    func errors(_ text: String, line: Int, column: Int, message: String, hint: String) {
        let error = #expect(throws: SpecError.self) {
            try Spec.parse(text: text, file: "orders.yaml")
        }
        guard let error else { return }
        #expect(error.mark == SourceMark(line: line, column: column), "\(error)")
        #expect(error.message.contains(message), "\(error)")
        #expect(error.description.hasPrefix("orders.yaml:\(line):\(column): "))
        if !hint.isEmpty { #expect(error.suggestion?.contains(hint) == true, "\(error)") }
    }

    @Test("comments, key order, quotes, settings and texts leave the identity alone")
    func identity() throws {
        let one = try Spec.parse(text: Self.whole, file: "a.yaml")
        let other = try Spec.parse(
            text: """
                notify: []
                name: 'orders-status'   # the same
                operations:
                  - replace_column: {up: "status", table: orders, column: status, down: status_v2,
                      writes: trigger, final_name: status,
                      with: {type: varchar(50), name: status_v2, nullable: true}}
                """, file: "b.yaml")
        #expect(one.identity == other.identity)
        let changed = try Spec.parse(
            text: Self.whole.replacingOccurrences(of: "varchar(50)", with: "varchar(60)"),
            file: "a.yaml")
        #expect(one.identity != changed.identity)
    }

    @Test("a setting is changed by its key as in the spec, or refused and left as it was")
    func setting() throws {
        var spec = try Spec.parse(text: Self.whole, file: "a.yaml")
        try spec.applySetting(key: "backfill.batch", value: "50ms")
        #expect(spec.settings.backfill.batchMilliseconds == 50)
        try spec.applySetting(key: "throttle.replication_lag", value: "null")
        #expect(spec.settings.throttle.replicationLagSeconds == nil)
        let before = spec.settings
        let error = #expect(throws: SpecError.self) {
            try spec.applySetting(key: "backfil.batch", value: "50ms")
        }
        #expect(error?.suggestion == "did you mean \"backfill.batch\"?")
        #expect(throws: SpecError.self) {
            try spec.applySetting(key: "backfill.workers", value: "many")
        }
        #expect(spec.settings == before)
    }

    @Test("each pattern that init prints is a spec", arguments: Patterns.all.map(\.name))
    func patterns(_ name: String) throws {
        let pattern = try #require(Patterns.named(name))
        let spec = try Spec.parse(text: pattern.text, file: "\(name).yaml")
        #expect(!spec.operations.isEmpty)
    }

    @Test(
        "durations are read, and printed as they would be read",
        arguments: [
            ("100ms", 100), ("0ms", 0), ("5s", 5000), ("1m30s", 90_000), ("24h", 86_400_000),
            ("2d", 172_800_000), ("1h1ms", 3_600_001),
        ])
    func durations(_ text: String, milliseconds: Int) {
        #expect(Quantities.milliseconds(text) == milliseconds)
        #expect(
            Quantities.milliseconds(Quantities.text(milliseconds: milliseconds)) == milliseconds)
    }

    @Test(
        "what is no duration is none",
        arguments: ["", "5", "ms", "1s1m", "1s1s", "-1s", "1.5s", "99999999999999999d", "５s"])
    func noDurations(_ text: String) {
        #expect(Quantities.milliseconds(text) == nil)
    }

    @Test(
        "a table's name is taken literally and split once",
        arguments: [
            ("orders", nil, "orders"), ("Order Items", nil, "Order Items"),
            ("shop.orders", "shop", "orders"), ("a.b.c", "a", "b.c"), ("\"a.b\"", nil, "a.b"),
            ("\"a.b\".\"c\"\"d\"", "a.b", "c\"d"),
        ])
    func tables(_ text: String, schema: String?, name: String) {
        let reference = TableReference(text)
        #expect(reference.schema?.name == schema)
        #expect(reference.name.name == name)
    }
}
