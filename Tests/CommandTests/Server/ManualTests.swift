import Foundation
import Subprocess
import Testing

@Suite("The manual and the completions")
struct ManualTests {
    private static let commands = [
        "demo", "init", "check", "plan", "run", "status", "advance", "pause", "resume", "set",
        "withdraw", "rollback", "purge", "history", "locks", "watch", "uninstall",
    ]

    @Test("the manual names every command, option, exit code and file, in roff that is well formed")
    func manual() async throws {
        let page = try await Program.run(["--generate-manual"])
        #expect(page.code == 0, "\(page)")
        let text = page.output.replacing("\\-", with: "-")
        for command in Self.commands {
            #expect(text.contains(".SS \"\(command)\"\n"), "no \(command)")
        }
        let help = try await Program.run(["help", "run"]).output
        for option in help.matches(of: #/--[a-z-]+/#).map({ String($0.output) })
        where option != "--help" && option != "--version" {
            #expect(text.contains("\\fB\(option)\\fR"), "no \(option)")
        }
        for section in ["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"] {
            #expect(text.contains(".SH \(section)\n"))
        }
        // A line that begins with a dot is a request; no other may.
        let known = ["TH", "SH", "SS", "TP", "PP", "B", "I", "BR", "nf", "fi", "\\\""]
        for line in page.output.split(separator: "\n") where line.hasPrefix(".") {
            let request = line.dropFirst().prefix { $0 != " " }
            #expect(known.contains(String(request)), "\(line)")
        }
        #expect(page.output.allSatisfy { $0.isASCII })
    }

    @Test("the README has every exit code of the manual, and how both are installed")
    func readme() async throws {
        var url = URL(filePath: #filePath)
        for _ in 0..<4 { url.deleteLastPathComponent() }
        let readme = try String(contentsOf: url.appending(path: "README.md"), encoding: .utf8)
        let page = try await Program.run(["--generate-manual"]).output
        let codes = try #require(page.firstMatch(of: #/\.SH EXIT STATUS\n([\s\S]*?)\.SH/#))
        for code in codes.output.1.matches(of: #/\\fB([0-9, ]+)\\fR/#).map(\.output.1) {
            #expect(readme.contains("| \(code) |"), "no exit code \(code)")
        }
        #expect(readme.contains("lockkeeper --generate-manual"))
        #expect(readme.contains("lockkeeper --generate-completion-script bash"))
    }

    @Test("bash completes commands, options, themes, phases and settings")
    func completion() async throws {
        let script = try await Program.run(["--generate-completion-script", "bash"])
        #expect(script.code == 0, "\(script)")
        let folder = try Folder()
        defer { folder.remove() }
        let file = try folder.file("lockkeeper.bash", script.output)
        for (words, wanted) in [
            (["lockkeeper", "wa"], "watch"), (["lockkeeper", "run", "--appr"], "--approve"),
            (["lockkeeper", "watch", "--theme", "mid"], "midnight"),
            (["lockkeeper", "run", "--until", "sw"], "switch"),
            (["lockkeeper", "set", "orders", "backfill.b"], "backfill.batch="),
            (["lockkeeper", "init", "replace"], "replace-column"),
            (["lockkeeper", "history", "--format", "mark"], "markdown"),
        ] {
            let line = words.joined(separator: " ")
            let result = try await Subprocess.run(
                .name("bash"),
                arguments: [
                    "--norc", "-c",
                    """
                    shopt -s progcomp extglob; source '\(file)'
                    COMP_WORDS=(\(line)); COMP_CWORD=\(words.count - 1); COMP_LINE='\(line)'
                    COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
                    command=$(complete -p lockkeeper | sed -E 's/.*-F ([^ ]+).*/\\1/')
                    $command lockkeeper '\(words.last ?? "")' '\(words.dropLast().last ?? "")'
                    printf '%s\\n' "${COMPREPLY[@]}"
                    """,
                ], output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
            #expect(
                result.standardOutput.split(separator: "\n").map {
                    $0.trimmingCharacters(in: .whitespaces)
                }.contains(wanted), "\(line): \(result.standardOutput)\(result.standardError)")
        }
        for shell in ["zsh", "fish"] {
            #expect(try await Program.run(["--generate-completion-script", shell]).code == 0)
        }
    }
}
