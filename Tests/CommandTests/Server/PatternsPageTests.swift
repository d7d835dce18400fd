import Foundation
import Testing

/// The README's page of patterns is what `init` and `plan` print; `LOCKKEEPER_GOLDEN=write` writes it.
@Suite("The README's patterns")
struct PatternsPageTests {
    private static let marks = (begin: "<!-- patterns -->\n", end: "<!-- /patterns -->\n")

    @Test("are what init prints and plan makes of it")
    func page() async throws {
        let place = try await Workplace.make(rows: 500)
        let list = try await Program.run(["init", "--list"]).output
        var sections: [String] = []
        for line in list.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1)
            let name = String(words[0])
            let summary = words[1].trimmingCharacters(in: .whitespaces)
            let spec = try await Program.run(["init", name]).output
            let file = try place.folder.file("\(name).yaml", spec)
            let plan = try await place.run("plan", file, "--format", "json")
            try #require(plan.code == 0, "\(name): \(plan)")
            sections.append(
                """
                ### `\(name)`: \(summary)

                ```yaml
                \(Self.operations(of: spec))
                ```

                | phase | runs | locks |
                |---|---|---|
                \(try Self.table(try #require(JSON(plan.output))))

                """)
        }
        try expectInReadme(sections.joined(separator: "\n"))
    }

    private func expectInReadme(_ page: String) throws {
        var url = URL(filePath: #filePath)
        for _ in 0..<4 { url.deleteLastPathComponent() }
        url.append(path: "README.md")
        let readme = try String(contentsOf: url, encoding: .utf8)
        let begin = try #require(readme.range(of: Self.marks.begin)).upperBound
        let end = try #require(readme.range(of: Self.marks.end)).lowerBound
        if ProcessInfo.processInfo.environment["LOCKKEEPER_GOLDEN"] == "write" {
            let written = readme.replacingCharacters(in: begin..<end, with: page)
            try written.write(to: url, atomically: true, encoding: .utf8)
            return
        }
        #expect(String(readme[begin..<end]) == page)
    }

    /// The spec's operations without comments.
    private static func operations(of spec: String) -> String {
        let lines = spec.split(separator: "\n").map(String.init)
        let start = lines.firstIndex(of: "operations:") ?? 0
        let rest = lines[(start + 1)...].prefix { $0.hasPrefix(" ") || $0.hasPrefix("#") }
        let kept = rest.compactMap { line -> String? in
            let code = line.replacing(#/\s+#\s.*$/#, with: "")
            return code.trimmingCharacters(in: .whitespaces).hasPrefix("#") || code.isEmpty
                ? nil : code
        }
        return (["operations:"] + kept).joined(separator: "\n")
    }

    /// A row for each phase in which something runs.
    private static func table(_ plan: JSON) throws -> String {
        let phases = try #require(plan["phases"]?.array)
        return phases.compactMap { phase -> String? in
            guard let steps = phase["steps"]?.array, !steps.isEmpty else { return nil }
            let titles = steps.compactMap { $0["title"]?.string }
            let locks = steps.flatMap { $0["locks"]?.array ?? [] }.compactMap { lock in
                lock["mode"]?.string.flatMap { mode in
                    lock["table"]?.string.map { "\(mode) on \($0)" }
                }
            }
            var seen: Set<String> = []
            let distinct = locks.filter { seen.insert($0).inserted }
            let name = (phase["phase"]?.string ?? "").capitalized
            let cells = [
                name, titles.joined(separator: "<br>"), distinct.joined(separator: "<br>"),
            ].map { $0.replacing("|", with: "\\|") }
            return "| \(cells.joined(separator: " | ")) |"
        }.joined(separator: "\n")
    }
}
