import Migration
import SQLText

/// DROP NOT NULL lets in NULLs that running versions don't expect, and going back has to scan.
enum DropNotNull: Rule {
    static let id = "drop-not-null"
    static let severity = Hazard.Severity.warning
    static let summary =
        "DROP NOT NULL lets in NULLs that running versions don't expect, and going back has to scan."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["DropNotNull"], statement, script).map { alteration in
            finding(
                statement, at: alteration.offset,
                "Versions that rely on a value may meet NULL.",
                lock: .accessExclusive,
                instead:
                    "Let every version that reads \(Identifier(alteration.node["name"].text ?? "").quoted) cope with NULL first."
            )
        }
    }
}
