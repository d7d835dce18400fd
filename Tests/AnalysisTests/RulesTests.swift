import Foundation
import Testing

@testable import Analysis

@Suite("The rules of check")
struct RulesTests {
    /// The text without its marks, and the byte offset of each.
    private func unmarked(_ text: String) -> (sql: String, marks: [String]) {
        var sql = ""
        var marks: [String] = []
        for (number, part) in text.components(separatedBy: "👉").enumerated() {
            if number > 0 { marks.append("1:\(sql.unicodeScalars.count + 1)") }
            sql += part
        }
        return (sql, marks)
    }

    private func places(_ rule: String, _ sql: String) -> [String] {
        var check = Check()
        return check.judge(sql, file: "a.sql").hazards.filter { $0.rule == rule }
            .map { "\($0.line):\($0.column)" }
    }

    @Test("find what they are for, where it stands", arguments: RuleCase.all)
    func finds(_ example: RuleCase) {
        for text in example.finds {
            let (sql, marks) = unmarked(text)
            #expect(places(example.rule, sql) == marks, "\(sql)")
        }
    }

    @Test("leave alone what is safe", arguments: RuleCase.all)
    func passes(_ example: RuleCase) {
        for sql in example.passes { #expect(places(example.rule, sql) == [], "\(sql)") }
    }

    @Test("have an example each, but for those about the file itself")
    func complete() {
        let shown = Set(RuleCase.all.map(\.rule) + ["invalid-spec", "silencing"])
        #expect(Set(RuleSummary.all.map(\.rule)) == shown)
        #expect(RuleCase.all.allSatisfy { !$0.finds.isEmpty && !$0.passes.isEmpty })
        #expect(RuleSummary.all.count == shown.count)
    }

    @Test("are one file each, whose first doc line is the rule")
    func documented() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/Analysis/Rules")
        for rule in RuleRegistry.all {
            let text = try String(
                contentsOf: folder.appending(path: "\(rule).swift"), encoding: .utf8)
            let line = text.split(separator: "\n").first { $0.hasPrefix("/// ") }
            #expect(line?.dropFirst(4) == rule.summary[...])
        }
    }

    @Test("say the lock and the safe way of everything that stalls or breaks")
    func safeWays() {
        for example in RuleCase.all {
            for text in example.finds {
                var check = Check()
                let hazards = check.judge(unmarked(text).sql, file: "a.sql").hazards
                #expect(hazards.allSatisfy { $0.safeWay?.isEmpty == false }, "\(text)")
            }
        }
    }
}
