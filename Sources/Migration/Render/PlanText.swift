import Foundation
import SQLText

/// A plan for a person to read: every statement, its lock, its undo, and where there is no way back.
public enum PlanText {
    /// Plain text, no trailing blanks. Prose is wrapped to `width` columns (80 to 120 are usual);
    /// statements stand as they are sent. `facts` adds sizes.
    public static func render(_ plan: Plan, facts: Facts? = nil, width: Int = 100) -> String {
        var page = Page(width: max(60, width))
        header(plan, facts, &page)
        for phase in Phase.allCases { section(phase, plan, &page) }
        hazards(plan, &page)
        ending(plan, &page)
        return page.text
    }

    private static func header(_ plan: Plan, _ facts: Facts?, _ page: inout Page) {
        page.prose(plan.description.map { "\(plan.name): \($0)" } ?? plan.name)
        for operation in plan.operations {
            page.prose("\(operation.number). \(operation.title)", indent: 2, hanging: 3)
            for table in operation.tables {
                guard let size = facts.flatMap({ Self.size(of: table, $0) }) else { continue }
                page.prose(size, indent: 5)
            }
        }
        page.blank()
        total(plan, &page)
        page.prose(
            "Each session runs with search_path \(plan.session.searchPath.map(\.quoted).joined(separator: ", ")), TimeZone \(plan.session.timeZone), DateStyle \(plan.session.dateStyle)."
        )
    }

    /// All work until the purge, and what of it takes longest.
    private static func total(_ plan: Plan, _ page: inout Page) {
        let known = plan.steps.filter { $0.estimate?.seconds != nil }
        let seconds = known.reduce(0) { $0 + ($1.estimate?.seconds ?? 0) }
        let unknown = plan.steps.filter { $0.action.scans != nil && $0.estimate?.seconds == nil }
        guard
            let longest = known.max(by: {
                ($0.estimate?.seconds ?? 0) < ($1.estimate?.seconds ?? 0)
            })
        else { return }
        var text = "Work, without gates and waits: \(Numerals.about(seconds))"
        if seconds >= 1 {
            text +=
                ", of which \(Numerals.duration(longest.estimate?.seconds ?? 0)) for \(longest.id)"
        }
        if !unknown.isEmpty {
            text +=
                "; not counted, because it could not be measured: \(unknown.map(\.id).joined(separator: ", "))"
        }
        page.prose(text + ".")
    }

    private static func size(of name: QualifiedName, _ facts: Facts) -> String? {
        guard let table = facts.tables.values.first(where: { $0.name == name }) else { return nil }
        let rows = table.knownRows.map { "about \(Numerals.grouped($0)) rows" } ?? "rows unknown"
        return
            "\(name): \(rows), \(Numerals.bytes(table.heapBytes)), \(Numerals.bytes(table.totalBytes)) with indexes"
    }

    private static func section(_ phase: Phase, _ plan: Plan, _ page: inout Page) {
        page.blank()
        let steps = plan.steps(in: phase)
        page.line("\(phase.number) \(phase.title)\(steps.isEmpty ? ": nothing to do" : "")")
        for step in steps { show(step, &page) }
    }

    private static func show(_ step: Step, _ page: inout Page) {
        page.blank()
        page.prose("\(step.id)  \(step.title)", indent: 2, hanging: 4)
        if step.isPointOfNoReturn {
            page.prose("POINT OF NO RETURN: what this drops can't be had back.", indent: 6)
        }
        describe(step.action, &page)
        if let estimate = step.estimate, step.action.scans != nil {
            let time = estimate.seconds.map { Numerals.about($0) } ?? "time unknown"
            page.prose("\(time): \(estimate.basis)", indent: 6, hanging: 2)
        }
        for hazard in step.hazards { show(hazard, &page, indent: 6) }
        for undo in step.undo {
            page.prose(
                "undo\(undo.isPurge ? ", with --purge" : ""): \(undo.title)", indent: 6, hanging: 6)
            describe(undo.action, &page, indent: 12)
        }
    }

    private static func describe(_ action: StepAction, _ page: inout Page, indent: Int = 6) {
        switch action {
        case .gate(let gate):
            page.prose("gate \(gate.id): \(gate.text)", indent: indent, hanging: 2)
            if gate.approvals > 1 {
                page.prose("\(gate.approvals) people must pass it", indent: indent)
            }
        case .quarantine:
            page.prose(
                "waits for \"quarantine\", then for the purge's confirmation", indent: indent)
        case .checkTrigger(let check):
            page.prose(
                "stops if trigger \(check.trigger) of \(check.table) is missing\(check.isLast ? ", disabled or not the last BEFORE ROW trigger" : " or disabled")",
                indent: indent, hanging: 2)
        default: break
        }
        let facts = action.locks.map { "\($0.mode.rawValue) on \($0.table)" }
        if !facts.isEmpty {
            page.prose(
                facts.joined(separator: ", ") + effect(of: action), indent: indent, hanging: 2)
        }
        for statement in action.statements { page.code(statement.text, indent: indent + 2) }
    }

    private static func effect(of action: StepAction) -> String {
        if action.rewrites { return "; REWRITES the table" }
        switch action {
        case .fill: return "; writes every row that needs it, in batches"
        case .copyRows(let copy):
            return "; reads every row of \(copy.table), and writes it to \(copy.copy), in batches"
        case .compareTables(let comparison):
            return "; reads every row of \(comparison.table) and of \(comparison.copy)"
        case .buildIndex, .buildPartitionedIndex:
            return "; reads every row, waits for every older transaction"
        default: break
        }
        guard let table = action.scans else { return "" }
        return "; reads every row of \(table)"
    }

    private static func hazards(_ plan: Plan, _ page: inout Page) {
        guard !plan.hazards.isEmpty else { return }
        page.blank()
        page.line("Hazards")
        for hazard in plan.hazards { show(hazard, &page, indent: 2) }
    }

    private static func show(_ hazard: Hazard, _ page: inout Page, indent: Int) {
        let way = hazard.safeWay.map { " \($0)" } ?? ""
        page.prose(
            "\(hazard.severity.rawValue) [\(hazard.rule)] \(hazard.message)\(way)", indent: indent,
            hanging: 2)
    }

    private static func ending(_ plan: Plan, _ page: inout Page) {
        page.blank()
        page.line("A rollback keeps")
        for operation in plan.operations {
            for sentence in operation.keeps {
                page.prose("\(operation.number). \(sentence)", indent: 2, hanging: 3)
            }
        }
        page.blank()
        let gates = plan.gates.map(\.id)
        page.prose("Gates: \(gates.isEmpty ? "none" : gates.joined(separator: ", "))")
        page.prose("Point of no return: \(plan.pointOfNoReturn?.id ?? "none")")
    }
}

extension TableFacts {
    /// The planner's estimate; nil where it has none, as of a table that was never analyzed.
    var knownRows: Int? { estimatedRows > 0 || heapBytes == 0 ? max(0, estimatedRows) : nil }
}

/// Lines of text, prose wrapped at words.
private struct Page {
    let width: Int
    private var lines: [String] = []

    init(width: Int) { self.width = width }

    var text: String { lines.joined(separator: "\n") + "\n" }

    mutating func blank() { lines.append("") }
    mutating func line(_ text: String) { lines.append(text) }

    /// What a spec or the catalogue has in it stays on the line.
    mutating func prose(_ text: String, indent: Int = 0, hanging: Int = 0) {
        var line = String(repeating: " ", count: indent)
        var isFirstWord = true
        for word in text.visible.split(separator: " ", omittingEmptySubsequences: false) {
            if !isFirstWord, line.count + 1 + word.count > width {
                lines.append(line)
                line = String(repeating: " ", count: indent + hanging)
                isFirstWord = true
            }
            line += isFirstWord ? String(word) : " " + word
            isFirstWord = false
        }
        lines.append(line)
    }

    /// Text that must not be changed: indented, never wrapped.
    mutating func code(_ text: String, indent: Int) {
        let margin = String(repeating: " ", count: indent)
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            lines.append(line.isEmpty ? "" : margin + line)
        }
    }
}
