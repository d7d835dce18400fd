import Foundation
import Postgres
import Sandbox
import Synchronization
import Testing

/// A shop in a database of its own, and a spec for it in a folder of its own.
struct Workplace: Sendable {
    let shop: Shop
    let folder: Folder

    /// Another spelling on the new side, so that a value shows which side it was written on.
    private static let replaceColumn = """
        name: orders-status
        description: Orders get a longer status, in capitals
        operations:
          - replace_column:
              table: orders
              column: status
              with: {name: status_v2, type: varchar(50)}
              up: upper(status)
              down: lower(status_v2)
              unrepresentable: reject

        """

    private static let count = Atomic<Int>(0)

    static func make(
        on server: SandboxServer? = nil, rows: Int = 3000, settings: String = "",
        checklist: String? = "checklist: []"
    ) async throws -> Workplace {
        let server = if let server { server } else { try await SandboxServer.shared() }
        let number = count.add(1, ordering: .relaxed).newValue
        let shop = try await Shop.load(on: server, database: "work_\(number)", rows: rows)
        let place = Workplace(shop: shop, folder: try Folder())
        let text = [replaceColumn, settings, checklist].compactMap { $0 }
            .joined(separator: "\n")
        _ = try place.folder.file("orders-status.yaml", text)
        return place
    }

    /// On a primary of its own, from which a standby streams; both are gone afterwards.
    static func withStandby(
        rows: Int, settings: String,
        _ body: (Workplace, SandboxServer) async throws -> Void
    ) async throws {
        try await running(SandboxServer.start(.quick)) { primary in
            let place = try await make(on: primary, rows: rows, settings: settings)
            try await running(primary.startStandby()) { try await body(place, $0) }
        }
    }

    private static func running(
        _ server: SandboxServer, _ body: (SandboxServer) async throws -> Void
    ) async throws {
        do { try await body(server) } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    /// A rest after each batch, so that a test can meet the fill in its middle.
    static let slowFill = "settings: {backfill: {batch: 10ms, pause: 30ms}}"

    var spec: String { folder.path + "/orders-status.yaml" }
    var dsn: String { shop.ownerDSN }

    /// Runs the program to its end, with this database's `--dsn`.
    func run(_ words: String..., environment: [String: String?] = [:]) async throws -> Ended {
        try await Program.run(words + ["--dsn", dsn], environment: environment)
    }

    func start(_ words: String...) async throws -> RunningProgram {
        try await RunningProgram.start(words + ["--dsn", dsn])
    }

    /// The command line for a shell, with this database's `--dsn`.
    func line(_ words: String...) -> String {
        ([Program.path] + words + ["--dsn", dsn]).map(shellQuoted).joined(separator: " ")
    }

    /// The only migration that `status` tells of.
    func status(sourceLocation: SourceLocation = #_sourceLocation) async throws -> JSON {
        let ended = try await run("status", "--format", "json")
        #expect(ended.code == 0, "\(ended)", sourceLocation: sourceLocation)
        let all = try #require(JSON(ended.output)?.array, sourceLocation: sourceLocation)
        #expect(all.count == 1, sourceLocation: sourceLocation)
        return try #require(all.first, sourceLocation: sourceLocation)
    }

    func execute(_ statements: SQL...) async throws {
        let connection = try await Connection.open(shop.ownerSettings)
        for statement in statements { try await connection.query(statement) }
        await connection.close()
    }

    /// Opens the dashboard on a migration that rests after Migrate, and starts its fill by keys.
    func startFill(on terminal: Tmux) async throws {
        try await terminal.shell(line("run", spec))
        try await terminal.wait(for: "a starts Backfill")
        try await terminal.press("a")
        try await terminal.wait(for: "y starts Backfill")
        try await terminal.press("y")
        try await terminal.wait("a moving bar") { $0.contains(#/[1-9]\d* of [\d,]+ blocks/#) }
    }

    func value(_ query: SQL) async throws -> String? {
        let connection = try await Connection.open(shop.ownerSettings)
        let value = try await connection.query(query).onlyRow().values.first ?? nil
        await connection.close()
        return value
    }

    func schema() async throws -> String {
        try await shop.server.pgDump(
            schemaOnly: true, database: shop.database, excludeSchemas: ["lockkeeper"])
    }

    /// The orders as text, without the column that the shop's own trigger sets.
    func contents() async throws -> String? {
        try await value(
            """
            SELECT string_agg((to_jsonb(o) - 'updated_at')::text, E'\\n' ORDER BY id) FROM orders o
            """)
    }

    /// Whatever a migration might leave behind outside its journal; nil where nothing is left.
    func leftovers() async throws -> String? {
        try await value(
            """
            SELECT string_agg(what, ', ') FROM (
              SELECT 'trigger ' || tgname AS what FROM pg_trigger
               WHERE NOT tgisinternal AND tgname <> 'orders_touch'
               UNION ALL
              SELECT 'function ' || proname FROM pg_proc JOIN pg_namespace n
                  ON n.oid = pronamespace WHERE nspname = 'lockkeeper'
               UNION ALL
              SELECT 'invalid index ' || indexrelid::regclass FROM pg_index WHERE NOT indisvalid
               UNION ALL
              SELECT 'constraint ' || conname FROM pg_constraint WHERE conname LIKE 'lk%'
               UNION ALL
              SELECT 'column ' || attname FROM pg_attribute
               WHERE attrelid = 'orders'::regclass AND attname LIKE 'lk%' AND NOT attisdropped
               UNION ALL
              SELECT 'lock ' || locktype FROM pg_locks WHERE locktype = 'advisory'
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            ) AS found
            """)
    }
}

func shellQuoted(_ word: String) -> String {
    "'" + word.replacing("'", with: "'\\''") + "'"
}
