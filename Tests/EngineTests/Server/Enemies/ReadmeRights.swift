import Foundation
import Postgres

/// The GRANTs that the README asks for, as they stand there, for the migrator of the tests.
enum ReadmeRights {
    private static let lines: [String] = {
        var url = URL(filePath: #filePath)
        for _ in 0..<5 { url.deleteLastPathComponent() }
        let page =
            (try? String(contentsOf: url.appending(path: "README.md"), encoding: .utf8)) ?? ""
        guard let begin = page.range(of: "<!-- rights -->\n```sql\n"),
            let end = page.range(of: "```", range: begin.upperBound..<page.endIndex)
        else { preconditionFailure("README.md has no block of SQL under <!-- rights -->") }
        return page[begin.upperBound..<end.lowerBound].split(separator: "\n").map(String.init)
    }()

    /// Those on objects of a database, whose names stand in the place of the README's.
    static func statements(schema: Identifier, other: QualifiedName) -> [SQL] {
        lines.filter { !$0.contains(" DATABASE ") && $0.contains(" ON ") }.map {
            statement(
                $0.replacing("SCHEMA public", with: "SCHEMA " + schema.quoted)
                    .replacing("ON customers", with: "ON " + other.quoted))
        }
    }

    /// The right to make the journal.
    static func onDatabase(_ name: Identifier) -> [SQL] {
        lines.filter { $0.contains(" DATABASE ") }.map {
            statement($0.replacing("DATABASE app", with: "DATABASE " + name.quoted))
        }
    }

    /// Membership in roles.
    static var ofRole: [SQL] { lines.filter { !$0.contains(" ON ") }.map(statement) }

    private static func statement(_ line: String) -> SQL {
        SQL(
            writtenByUser: line.replacing(
                "TO migrator", with: "TO " + Identifier(OddNames.migrator).quoted))
    }
}
