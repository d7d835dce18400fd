import ArgumentParser
import Dashboard
import Engine
import Foundation
import Migration
import Postgres

/// Where the server is.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A libpq URI or keyword string; without it, what libpq itself uses (PGHOST, PGSERVICE, "
                + "~/.pgpass, …).", valueName: "dsn"))
    var dsn: String?

    var settings: ConnectionSettings { ConnectionSettings(dsn: dsn) }
}

enum TextFormat: String, ExpressibleByArgument, CaseIterable { case text, json }

/// `--to`, `--until`.
extension Phase: ExpressibleByArgument {}

/// How the screen looks.
struct ScreenOptions: ParsableArguments {
    @Option(
        help: "A theme's name, or the path of a file of your own.",
        completion: .list(Theme.shipped.map(\.name)))
    var theme: String?
    @Option(help: "Time between two pictures of the server, as 500ms or 2s; + and - change it.")
    var refresh: String?
    @Flag(name: .customLong("no-color"), help: "No colours; NO_COLOR does the same.")
    var noColor = false
    @Flag(inversion: .prefixedNo, help: "Only ASCII characters.")
    var ascii: Bool?
    @Flag(
        inversion: .prefixedNo, help: "The mouse selects, opens and scrolls; it confirms nothing.")
    var mouse: Bool?
    @Flag(name: .customLong("read-only"), help: "Takes the keys away that change something.")
    var readOnly = false
    @Flag(help: "Rings the terminal's bell at gates, at failures, and when somebody is wanted.")
    var bell = false
    @Flag(help: "Says in the window's title how the migration stands.")
    var title = false
}

/// A spec file, read and parsed.
struct SpecFile {
    let spec: Spec
    let text: String
    let path: String

    init(_ path: String) throws {
        let data = try Self.contents(path)
        guard let text = String(data: data, encoding: .utf8) else {
            throw UsageError("\(path) is not UTF-8 text.")
        }
        self.text = text
        self.path = path
        spec = try Spec.parse(text: text, file: path)
    }

    private static func contents(_ path: String) throws -> Data {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw UsageError(
                "There is no file \(path). `lockkeeper init` prints a spec to start from.")
        }
        if isFolder.boolValue {
            throw UsageError("\(path) is a folder; name the spec file in it.")
        }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw UsageError(
                "\(path) can't be read: let this user read it (\(error.localizedDescription)).")
        }
    }
}
