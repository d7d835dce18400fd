import Foundation
import Fuzzing
import Migration
import Testing

@testable import Dashboard

/// An operator's own files, as nobody would write them.
@Suite("An operator's files from a fuzzer")
struct FuzzTests {
    /// The shipped themes, and one that has what they don't.
    private static func themes() throws -> [String] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../themes")
        let files = try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil
        ).filter { $0.pathExtension == "yaml" }
        return try files.sorted { $0.path < $1.path }.map {
            try String(contentsOf: $0, encoding: .utf8)
        } + [
            """
            base: midnight
            roles:
              ok: &a {fg: 42, bg: default}
              danger: {fg: bright-red, attributes: [bold, underline, reverse, dim]}
              text: *a
            """
        ]
    }

    private static let configuration = """
        theme: midnight
        refresh: 500ms
        ascii: true
        mouse: false
        keys: {advance: n, roll-back: B, tick: x, help: Space}
        environments:
          - {label: &l production, host: "db*.example", color: danger}
          - {label: staging, database: "shop_\\u00e9", color: ok}
          - {label: *l, host: /tmp/*}
        """

    @Test("a theme is read and has every role, or is refused with line and column")
    func themes() throws {
        let wrong = try Fuzzer("themes", from: Self.themes()).run { text in
            do throws(ThemeError) {
                let theme = try Theme(yaml: text, file: "fuzz.yaml")
                return Set(theme.roles.keys) == Set(Role.allCases)
                    ? .taken : .wrong("roles are missing")
            } catch {
                guard let line = error.line, let column = error.column else {
                    return .wrong("no place: \(error)")
                }
                return Fuzzer.refusal(error.message, line: line, column: column, of: text)
            }
        }
        #expect(wrong == [])
    }

    @Test("a configuration is read, or is refused with line and column")
    func configuration() throws {
        let wrong = try Fuzzer("configurations", from: [Self.configuration]).run { text in
            do throws(SpecError) { _ = try Configuration(text: text, file: "fuzz.yaml") } catch {
                return Fuzzer.refusal(
                    error.message, line: error.mark.line, column: error.mark.column, of: text)
            }
            return .taken
        }
        #expect(wrong == [])
    }
}
