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
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
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
