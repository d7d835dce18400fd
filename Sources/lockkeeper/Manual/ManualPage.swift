import ArgumentParser
import Foundation

/// `lockkeeper(1)` in roff, made from the help that the commands print and from what scripts rely on.
struct ManualPage {
    let tree: HelpTree
    let version: String

    /// What the environment changes; the README's table is the same.
    static let environment: [(name: String, meaning: String)] = [
        (
            "PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD, PGSERVICE, PGSSLMODE, …",
            "Where the server is, as for every program that uses libpq; --dsn wins."
        ),
        (
            "XDG_CONFIG_HOME",
            "Where the folder lockkeeper with config.yaml and themes is, instead of ~/.config."
        ),
        ("NO_COLOR", "Set to anything: no colours."),
        ("TERM, LC_ALL, LC_CTYPE, LANG", "What the terminal can do, and whether it shows UTF-8."),
        ("TMPDIR", "Where the demo makes its throwaway server."),
        ("LOCKKEEPER_PG_BIN", "The folder of PostgreSQL's server programs, for the demo."),
        (
            "LOCKKEEPER_EVENT, LOCKKEEPER_MIGRATION, LOCKKEEPER_TEXT",
            "Set for the commands of notify: the event, the migration, and what happened in words."
        ),
    ]

    static let files: [(name: String, meaning: String)] = [
        (
            "~/.config/lockkeeper/config.yaml",
            "The operator's own theme, refresh, ascii, mouse, keys, and names of environments."
        ),
        ("~/.config/lockkeeper/themes/NAME.yaml", "Themes of one's own."),
        ("~/.pgpass, ~/.pg_service.conf", "As libpq reads them."),
    ]

    var roff: String {
        var lines = [
            ".\\\" Written by lockkeeper --generate-manual.",
            ".TH LOCKKEEPER 1 \"\" \"lockkeeper \(version)\" \"User Commands\"", ".SH NAME",
            "lockkeeper \\- expand, migrate, backfill, switch and contract a PostgreSQL schema",
            ".SH SYNOPSIS", ".B lockkeeper", ".I command", "[\\fIoption\\fR ...]",
            ".SH DESCRIPTION", Self.text(tree.command.abstract ?? ""), ".PP",
            "Without a screen a run goes on by itself and stops only at gates; on a terminal it opens a",
            "dashboard, whose key ? lists all keys.", ".SH COMMANDS",
        ]
        for command in shown(tree.command.subcommands ?? []) { lines += self.command(command) }
        lines.append(".SH EXIT STATUS")
        for exit in Exit.meanings { lines += Self.entry(Self.bold(exit.code), exit.meaning) }
        lines.append(".SH ENVIRONMENT")
        for variable in Self.environment {
            lines += Self.entry(Self.bold(variable.name), variable.meaning)
        }
        lines.append(".SH FILES")
        for file in Self.files { lines += Self.entry(Self.italic(file.name), file.meaning) }
        lines.append(".SH EXAMPLES")
        lines += Self.examples
        lines += [".SH SEE ALSO", ".BR psql (1),", ".BR pg_dump (1)"]
        return lines.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private static let examples = [
        ".nf", "lockkeeper init replace\\-column > orders\\-status.yaml",
        "lockkeeper plan orders\\-status.yaml", "lockkeeper run orders\\-status.yaml",
        "lockkeeper watch orders\\-status",
        "lockkeeper history orders\\-status \\-\\-format markdown", ".fi",
    ]

    private func shown(_ commands: [HelpTree.Command]) -> [HelpTree.Command] {
        commands.filter { $0.shouldDisplay != false && $0.commandName != "help" }
    }

    private func command(_ command: HelpTree.Command) -> [String] {
        let arguments = (command.arguments ?? []).filter {
            $0.shouldDisplay
                && !($0.names ?? []).contains { ["help", "version"].contains($0.name) }
        }
        let synopsis = arguments.map(Self.synopsis).joined(separator: " ")
        var lines = [
            ".SS \"\(Self.inline(command.commandName))\"",
            Self.bold("lockkeeper \(command.commandName)") + (synopsis.isEmpty ? "" : " ")
                + synopsis, ".PP",
            Self.text(command.abstract ?? ""),
        ]
        for paragraph in (command.discussion ?? "").split(separator: "\n\n") {
            lines += [".PP", Self.text(paragraph.replacing("\n", with: " "))]
        }
        for argument in arguments {
            lines += Self.entry(Self.label(argument), Self.meaning(argument))
        }
        return lines
    }

    private static func value(_ argument: HelpTree.Argument) -> String {
        italic((argument.valueName ?? "value").uppercased())
    }

    private static func label(_ argument: HelpTree.Argument) -> String {
        let names = (argument.names ?? []).map { bold($0.written) }.joined(separator: ", ")
        switch argument.kind {
        case "positional": return value(argument)
        case "option": return "\(names) \(value(argument))"
        default: return names
        }
    }

    private static func synopsis(_ argument: HelpTree.Argument) -> String {
        let word: String
        if argument.kind == "positional" {
            word = value(argument) + (argument.isRepeating ? " ..." : "")
        } else {
            word = (argument.names?.first).map { bold($0.written) } ?? ""
        }
        let whole = argument.kind == "option" ? "\(word) \(value(argument))" : word
        return argument.isOptional || argument.kind == "flag" ? "[\(whole)]" : whole
    }

    private static func meaning(_ argument: HelpTree.Argument) -> String {
        var words = argument.abstract ?? ""
        // Options whose help names the values itself need no list of them.
        if let values = argument.allValues, !values.isEmpty,
            !values.allSatisfy({ words.contains($0) })
        {
            words += (words.isEmpty ? "" : " ") + "One of \(values.joined(separator: ", "))."
        }
        if let value = argument.defaultValue {
            words += (words.isEmpty ? "" : " ") + "Default: \(value)."
        }
        return words.isEmpty ? "The migration's name, as status lists it." : words
    }

    // MARK: roff

    private static func entry(_ label: String, _ meaning: String) -> [String] {
        [".TP", label, text(meaning)]
    }

    private static func bold(_ text: String) -> String { "\\fB\(inline(text))\\fR" }
    private static func italic(_ text: String) -> String { "\\fI\(inline(text))\\fR" }

    /// A line of text: one that began with a dot or a quote would be a request.
    static func text(_ words: some StringProtocol) -> String {
        let escaped = inline(String(words).replacing("\n", with: " "))
        return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
    }

    /// What roff would take for its own; signs by their names, so that no encoding is needed.
    private static func inline(_ text: String) -> String {
        text.map { letter -> String in
            switch letter {
            case "\\": "\\e"
            case "-": "\\-"
            case "'": "\\(aq"
            case "`": "\\(ga"
            case "\"": "\\(dq"
            case "^": "\\(ha"
            case "~": "\\(ti"
            case "…": "..."
            case "–": "\\(en"
            default:
                letter.isASCII
                    ? String(letter)
                    : letter.unicodeScalars.map {
                        "\\[u" + String($0.value, radix: 16, uppercase: true).leftPadded + "]"
                    }.joined()
            }
        }.joined()
    }
}

extension String {
    /// To four digits, as roff wants them.
    fileprivate var leftPadded: String { String(repeating: "0", count: max(0, 4 - count)) + self }
}
