import Foundation
import Postgres
import Sandbox
import Testing

@Suite("A password")
struct SecretTests {
    @Test(
        "is in no error, however wrong the rest is",
        arguments: [
            "host=/nowhere password=s3cret",
            "host=/nowhere password='s3cret",
            "host=/nowhere password=half s3cret",
            "host=/nowhere password=half s3cret=1",
            "hots=/nowhere password=s3cret",
            "postgresql://user:s3cret@[::1/db",
            "postgresql://user:s3cret%zz@/db?host=/nowhere",
            "postgresql://user:s3cret@localhost:port/db",
            "postgresql://user:s3cret@/db?hots=/nowhere",
            "postgresql://user:half@s3cret@nowhere.invalid/db",
            "postgresql://user@/db?host=/nowhere&password=s3cret&password=s3cret%",
        ])
    func errors(dsn: String) async throws {
        let error = await #expect(throws: ConnectionError.self) {
            try await Connection.open(ConnectionSettings(dsn: dsn))
        }
        let text = "\(String(describing: error)) \(error?.description ?? "")"
        #expect(!text.contains("s3cret"), "\(text)")
        #expect(text.count > 40, "says what is wrong: \(text)")
    }

    @Test("is not printed with the settings, in whichever way they are printed")
    func printed() {
        let settings = ConnectionSettings(
            dsn: "password=s3cret", overrides: [(key: "password", value: "s3cret")])
        var dumped = ""
        dump(settings, to: &dumped)
        dump([settings], to: &dumped)
        for text in ["\(settings)", String(reflecting: settings), "\([settings])", dumped] {
            #expect(!text.contains("s3cret"), "\(text)")
        }
    }

    @Test("that is wrong is told from a server that is not there")
    func wrong() async throws {
        let server = try await SandboxServer.start(.quick)
        let superuser = try await server.connect()
        try await superuser.query("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        try await superuser.query(
            "ALTER SYSTEM SET hba_file = \(literal: server.folder + "/hba")")
        await superuser.close()
        try "local all postgres trust\nlocal all all scram-sha-256\n"
            .write(toFile: server.folder + "/hba", atomically: false, encoding: .utf8)
        chmod(server.folder + "/hba", 0o644)
        try await server.restart()
        let settings = server.settings(user: "guarded")
        let accepted = try await Connection.open(settings.adding([("password", "right")]))
        await accepted.close()
        let error = await #expect(throws: ConnectionError.self) {
            try await Connection.open(settings.adding([("password", "s3cret")]))
        }
        #expect(error?.description.contains("password authentication") == true)
        #expect(error?.description.contains("s3cret") == false)
        await server.stop()
    }
}
