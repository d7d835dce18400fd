import Foundation
import Postgres
import Sandbox
import Testing

@Suite("A role that may not", .serialized)
struct RightsTests {
    @Test("log in, because its password is wrong, is told so without the password")
    func password() async throws {
        let server = try await SandboxServer.start(.quick)
        do {
            try await wrongPassword(server)
            try await rightPassword(server)
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    /// Given in each way in which libpq takes one, a migration goes forward and back; it is in nothing
    /// that we print, log or store, nor where `ps` looks.
    private func rightPassword(_ server: SandboxServer) async throws {
        let place = try await Workplace.make(on: server, rows: 100)
        let (secret, pieces) = ("corr3ct h0rse", ["corr3ct", "h0rse"])
        try await superuser(
            server, place.shop.database,
            "ALTER ROLE \(Identifier(Shop.owner)) PASSWORD \(literal: secret)")
        try await restrict(Shop.owner, on: server, place.shop.database)
        let passwords = try place.folder.file("passwords", "*:*:*:*:\(secret)\n")
        chmod(passwords, 0o600)
        let log = place.folder.path + "/log"
        let ways: [(words: [String], environment: [String: String?])] = [
            (["--dsn", place.dsn + " password='\(secret)'"], [:]),
            (
                [
                    "--dsn=postgresql://shop:corr3ct%20h0rse@/\(place.shop.database)?host=\(server.folder)"
                ], [:]
            ),
            (["--dsn", place.dsn], ["PGPASSWORD": secret]),
            (["--dsn", place.dsn + " passfile='\(passwords)'"], [:]),
        ]
        let parts = [
            [
                "run", place.spec, "--headless", "--format", "json", "--until", "expand", "--log",
                log,
            ],
            ["run", place.spec, "--headless", "--until", "migrate", "--log", log],
            [
                "run", place.spec, "--headless", "--until", "contract", "--approve", "all", "--log",
                log,
            ],
            ["rollback", "orders-status", "--yes", "orders-status", "--approve", "all", "--purge"],
        ]
        var said = ""
        for (way, part) in zip(ways, parts) {
            let ended = try await Program.run(part + way.words, environment: way.environment)
            #expect(ended.code == 0, "\(ended)")
            said += ended.description
            for look in [
                ["status"], ["status", "--format", "json"], ["history"],
                ["history", "--format", "json"],
                ["history", "orders-status", "--format", "markdown"],
                ["plan", place.spec], ["locks", "--once"], ["doctor"],
                ["doctor", "--fix", "nothing"],
                ["status", "--nonsense"],
            ] {
                let ended = try await Program.run(look + way.words, environment: way.environment)
                said += ended.description
            }
            let running = try await RunningProgram.start(
                ["locks"] + way.words, environment: way.environment)
            try await running.line(with: "nobody waits")
            #if os(Linux)
                let line = try Data(contentsOf: URL(filePath: "/proc/\(running.pid)/cmdline"))
                #expect(String(decoding: line, as: UTF8.self).contains("locks\0--dsn"))
                said += String(decoding: line, as: UTF8.self)
            #endif
            running.signal(SIGTERM)
            said += try await running.end().description
        }
        let logged = place.folder.read("log")
        #expect(logged.contains("status_v2"), "\(logged)")
        said += logged + server.log(lines: 10_000)
        let connection = try await server.connect(database: place.shop.database)
        let tables = try await connection.query(
            "SELECT quote_ident(relname) AS name FROM pg_class WHERE relnamespace = 'lockkeeper'::regnamespace AND relkind = 'r'"
        ).rows.map { try $0.string("name") }
        #expect(tables.count >= 9, "\(tables)")
        for table in tables {
            let rows = try await connection.query(
                "SELECT to_json(t)::text AS row FROM lockkeeper.\(SQL(writtenByUser: table)) t"
            ).rows
            for row in rows { said += try row.string("row") }
        }
        await connection.close()
        for piece in pieces {
            let found = said.split(separator: "\n").filter { $0.contains(piece) }
            #expect(found == [])
        }
    }

    /// Lets a role in only by its password.
    private func restrict(
        _ role: String, on server: SandboxServer, _ database: String
    ) async throws {
        let rules = server.folder + "/data/pg_hba.conf"
        let open = try String(contentsOfFile: rules, encoding: .utf8)
        // In place: the file stays the server's user's.
        let file = try FileHandle(forWritingTo: URL(filePath: rules))
        try file.write(contentsOf: Data(("local all \(role) scram-sha-256\n" + open).utf8))
        try file.close()
        try await superuser(server, database, "SELECT pg_reload_conf()")
        let refused = try await waited { () -> Bool? in
            let ended = try await Program.run([
                "status", "--dsn", server.dsn(database: database, user: role),
            ])
            return ended.code == 5 ? true : nil
        }
        #expect(refused == true)
    }

    private func wrongPassword(_ server: SandboxServer) async throws {
        let place = try await Workplace.make(on: server, rows: 100)
        try await superuser(
            server, place.shop.database, "CREATE ROLE guarded LOGIN PASSWORD 'rightsecret'")
        let rules = server.folder + "/data/pg_hba.conf"
        let open = try String(contentsOfFile: rules, encoding: .utf8)
        // In place: the file stays the server's user's.
        let file = try FileHandle(forWritingTo: URL(filePath: rules))
        try file.write(contentsOf: Data(("local all guarded scram-sha-256\n" + open).utf8))
        try file.close()
        try await superuser(server, place.shop.database, "SELECT pg_reload_conf()")

        let guarded = server.dsn(database: place.shop.database, user: "guarded")
        let before = try await waited { () -> Ended? in
            let ended = try await Program.run(["status", "--dsn", guarded])
            return ended.code == 0 ? nil : ended
        }
        #expect(before?.code == 5, "\(String(describing: before))")
        #expect(before?.errors.contains("no password") == true, "\(String(describing: before))")

        for (words, environment) in [
            (["--dsn", guarded + " password=wrongsecret"], [:]),
            (["--dsn", guarded], ["PGPASSWORD": "wrongsecret"]),
            (
                [
                    "--dsn",
                    "postgresql://guarded:wrongsecret@/\(place.shop.database)?host=\(server.folder)",
                ], [:]
            ),
        ] as [([String], [String: String?])] {
            for command in [["status"], ["plan", place.spec], ["run", place.spec, "--headless"]] {
                let ended = try await Program.run(command + words, environment: environment)
                #expect(ended.code == 5, "\(ended)")
                #expect(ended.errors.contains("password authentication"), "\(ended)")
                #expect(ended.errors.contains("PGPASSWORD"), "\(ended)")
                #expect(!ended.description.contains("wrongsecret"))
            }
        }
        let right = try await Program.run(
            ["status", "--dsn", guarded], environment: ["PGPASSWORD": "rightsecret"])
        #expect(right.code == 0, "\(right)")
        let running = try await RunningProgram.start([
            "locks", "--dsn", guarded + " password=rightsecret",
        ])
        try await running.line(with: "nobody waits")
        // What the server and its log were told has no password either.
        #expect(!server.log(lines: 1000).contains("wrongsecret"))
        running.signal(SIGTERM)
        #expect(try await running.end().code == 143)
    }

    @Test("touch the table is told what to grant")
    func owner() async throws {
        let place = try await Workplace.make(rows: 100)
        let role = "bystander_\(place.shop.database)"
        let name = Identifier(role)
        try await superuser(
            place.shop.server, place.shop.database, "CREATE ROLE \(name) LOGIN")
        let dsn = place.shop.server.dsn(database: place.shop.database, user: role)
        let planned = try await Program.run(["plan", place.spec, "--dsn", dsn])
        #expect(planned.code == 4 || planned.code == 5, "\(planned)")
        #expect(planned.errors.contains("GRANT"), "\(planned)")
        let ended = try await Program.run(["run", place.spec, "--headless", "--dsn", dsn])
        #expect(ended.code == 4 || ended.code == 5, "\(ended)")
        #expect(ended.errors.contains("GRANT"), "\(ended)")
        #expect(try await place.value("SELECT to_regnamespace('lockkeeper')::text") == nil)
        // Word for word what a superuser would type: it works, or the next one says so.
        let grants = ended.errors.matches(of: #/GRANT [^;]+ TO [^;]+;/#).map { String($0.output) }
        #expect(!grants.isEmpty, "no whole GRANT statement in: \(ended)")
        for grant in grants {
            try await superuser(place.shop.server, place.shop.database, SQL(writtenByUser: grant))
        }
        let next = try await Program.run([
            "run", place.spec, "--headless", "--until", "expand", "--dsn", dsn,
        ])
        #expect(next.errors != ended.errors, "what it asked for did not help: \(next)")
    }

    @Test("make the journal is told what to grant, and then gets on")
    func journal() async throws {
        let place = try await Workplace.make(rows: 100)
        let name = Identifier(place.shop.database)
        try await superuser(
            place.shop.server, place.shop.database, "ALTER DATABASE \(name) OWNER TO postgres")
        // One right after the other is asked for: to make indexes in the schema, then the journal's.
        var ended = try await place.run("run", place.spec, "--headless", "--until", "expand")
        #expect(ended.code == 5, "\(ended)")
        for _ in 0..<2 where ended.code == 5 {
            let grant = try #require(ended.errors.firstMatch(of: #/GRANT [^;]+;/#)?.output)
            try await superuser(
                place.shop.server, place.shop.database, SQL(writtenByUser: String(grant)))
            ended = try await place.run("run", place.spec, "--headless", "--until", "expand")
        }
        #expect(ended.code == 0, "\(ended)")
    }

    private func superuser(
        _ server: SandboxServer, _ database: String, _ statement: SQL
    ) async throws {
        let connection = try await server.connect(database: database)
        try await connection.query(statement)
        await connection.close()
    }
}
