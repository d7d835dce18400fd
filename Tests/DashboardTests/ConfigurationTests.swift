import Engine
import Foundation
import Migration
import Monitor
import Testing

@testable import Dashboard

@Suite struct ConfigurationTests {
    private func read(_ text: String) throws -> Configuration {
        try Configuration(text: text, file: "config.yaml")
    }

    @Test func `everything can be said, and nothing need be`() throws {
        let all = try read(
            """
            theme: midnight
            refresh: 500ms
            ascii: true
            mouse: true
            keys: {advance: n, roll-back: B, tick: x}
            environments:
              - {label: production, host: "db*.example"}
              - {label: staging, database: shop_staging, color: ok}
            """)
        #expect(all.theme == "midnight")
        #expect(all.refresh == 0.5)
        #expect(all.isASCII == true)
        #expect(all.usesMouse == true)
        #expect(all.keys.name("a R Space p") == "n B x p")
        #expect(all.environments.map(\.color) == [.danger, .ok])
        for nothing in ["", "# nothing yet\n"] { #expect(try read(nothing) == Configuration()) }
    }

    @Test(arguments: [
        ("thema: mono", "1:1: the configuration has no key \"thema\"; did you mean \"theme\"?"),
        ("theme: [a]", "1:8: \"theme\" must be one value, not a list"),
        ("refresh: fast", "1:10: \"fast\" is no duration"),
        ("refresh: 10ms", "1:10: \"10ms\" is too short"),
        ("refresh: 2h", "1:10: \"refresh\" must be from 100ms to 60s"),
        ("ascii: perhaps", "1:8: \"ascii\" must be true or false"),
        ("keys: {advanse: n}", "1:8: keys has no key \"advanse\"; did you mean \"advance\"?"),
        ("keys:\n  advance: p", "2:12: \"p\" is the key of pause already"),
        ("keys: {advance: n, pause: n}", "1:17: \"n\" is the key of pause already"),
        ("keys: {advance: g}", "1:17: \"g\" is the key of first or last row already"),
        ("keys: {roll-back: r}", "1:19: roll-back ends, undoes or destroys something"),
        ("keys: {purge: \"!\"}", "1:15: purge ends, undoes or destroys something"),
        ("keys: {advance: A}", "1:17: capital letters are for the dangerous keys"),
        ("keys: {advance: Enter}", "1:17: \"Enter\" is no key for advance"),
        ("environments: [{label: production}]", "1:16: this environment fits every server"),
        ("environments: [{host: a}]", "an environment needs \"label\""),
        ("environments: [{label: a, host: b, color: red}]", "\"color\" must be one of danger"),
        ("theme: a\ntheme: b", "\"theme\" stands twice"),
        ("theme: \"a", "this is no valid YAML"),
    ])
    func `what is wrong is said with its place`(text: String, message: String) {
        let error = #expect(throws: SpecError.self) { try read(text) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        #expect(error?.description.hasPrefix("config.yaml:") == true)
    }

    /// There is no key for a connection; somebody will try, and the password must not be shown.
    @Test(arguments: [
        "dsn: postgresql://shop:s3cret@db/shop", "dsn: host=db password=s3cret",
        "connection: {host: db, password: s3cret}", "password: s3cret",
        "postgresql://shop:s3cret@db/shop", "host=db password=s3cret",
        "postgresql://shop:s3cret@db/shop: {}", "host=db password=s3cret: here",
        "theme: mono\nhost=db password=s3cret", "theme: mono\npostgresql://shop:s3cret@db/shop",
        "environments: [{label: a, dsn: 'postgresql://shop:s3cret@db/shop'}]",
        "environments: ['postgresql://shop:s3cret@db/shop']",
        "environments: [{postgresql://shop:s3cret@db/shop: a}]",
        "postgresql://shop:s3cret@db/shop: 1\npostgresql://shop:s3cret@db/shop: 1",
    ])
    func `a connection string is refused without what is in it`(text: String) {
        let error = #expect(throws: SpecError.self) { try read(text) }
        #expect(error?.description.contains("s3cret") == false, "\(error?.description ?? "")")
    }

    @Test func `a key may go where another one leaves`() throws {
        let keys = try read("keys: {advance: p, pause: a}").keys
        #expect(keys.meaning(of: .character("p")) == .character("a"))
        #expect(keys.meaning(of: .character("a")) == .character("p"))
        let away = try read("keys: {advance: n}").keys
        #expect(away.meaning(of: .character("n")) == .character("a"))
        #expect(away.meaning(of: .character("a")) == .other)
        #expect(away.meaning(of: .character("p")) == .character("p"))
    }

    @Test func `moved keys act, are shown where keys are shown, and leave what is typed alone`()
        throws
    {
        var desk = Desk(Samples.readyToExpand)
        desk.model.keys = try read("keys: {advance: n, roll-back: B}").keys
        desk.press(.character("a"))
        #expect(desk.model.dialog == nil)
        desk.press(.character("n"))
        #expect(desk.model.dialog?.kind == .advance(.expand))
        desk.press(.character("y"))
        #expect(desk.effects == [.perform(.start(phase: .expand))])
        #expect(desk.text().contains("n starts Expand"), "\(desk.text())")
        #expect(desk.text().contains("n advance"), "\(desk.text())")
        desk.press(.character("?"))
        #expect(
            desk.text(rows: 60).contains("n           start the next phase"),
            "\(desk.text(rows: 60))")
        var typing = Desk(Samples.quarantined)
        typing.model.keys = try read("keys: {help: n}").keys
        typing.press(.character("R"), .end, .enter)
        typing.type("orders-status")
        #expect(typing.model.dialog?.input == "orders-status")
    }

    @Test(arguments: [
        ("db1.example:5432", "shop", " production "), ("DB7.EXAMPLE:5432", "x", " production "),
        ("db1.example.org:5432", "shop", ""), ("elsewhere:5432", "shop_staging", " staging "),
        ("elsewhere:5432", "shop", ""), ("/tmp/pg:5432", "orders", " by the socket "),
    ])
    func `the server is called what its host or database says`(
        host: String, database: String, label: String
    ) throws {
        var snapshot = Samples.backfill
        snapshot.server?.server.host = host
        snapshot.server?.server.database = database
        var desk = Desk(snapshot)
        desk.model.environments = try read(
            """
            environments:
              - {label: production, host: "db*.example"}
              - {label: by the socket, host: /tmp/*, database: ord*s}
              - {label: staging, database: shop_staging}
            """
        ).environments
        for (rows, columns) in [(24, 80), (40, 120), (20, 60)] {
            let surface = render(desk.model, rows: rows, columns: columns)
            let first = surface.plainText.split(separator: "\n").first.map(String.init) ?? ""
            if !label.isEmpty { #expect(first.contains(label), "\(first)") }
            if label.isEmpty { #expect(first.hasPrefix(" orders-status"), "\(first)") }
        }
        let cell = render(desk.model, rows: 24, columns: 80).cells[2]
        if label == " production " { #expect(cell.style.role == .alert) }
    }

    @Test func `a shipped file is found under XDG_CONFIG_HOME, and a missing one says nothing`()
        throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "lk\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let environment = ["XDG_CONFIG_HOME": folder.path, "HOME": "/nowhere"]
        #expect(try Configuration.load(environment: environment) == Configuration())
        let file = try #require(Configuration.file(environment: environment))
        #expect(file.path == folder.path + "/lockkeeper/config.yaml")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data("theme: mono\n".utf8).write(to: file)
        #expect(try Configuration.load(environment: environment).theme == "mono")
    }
}
