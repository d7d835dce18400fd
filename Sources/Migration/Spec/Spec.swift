import OrderedCollections
import SQLText
import Yams

/// One spec file, read and checked as far as that goes without a server.
public struct Spec: Sendable {
    public let file: String
    /// The file's text, as the journal keeps it.
    public let text: String
    public let name: String
    public let description: String?
    public let operations: [SpecOperation]
    public var settings: Settings
    /// The user's words for gates, by gate id.
    public let gates: OrderedDictionary<String, GateWording>
    /// Commands run at phase starts and ends, gates and failures.
    public let notify: [String]
    public let checklist: [ChecklistItem]
    /// Canonical text of name and operations: what may not change once a run has begun. Settings,
    /// texts, window, notify and checklist are not in it, nor comments, key order or quoting.
    public let identity: String

    /// Reads a spec. `file` is shown in errors and names the migration where `name` is left out.
    public static func parse(text: String, file: String) throws(SpecError) -> Spec {
        // Editors on Windows begin a file with a byte order mark.
        let hasMark = text.unicodeScalars.first == "\u{FEFF}"
        let text = hasMark ? String(text.unicodeScalars.dropFirst()) : text
        return try Spec(root: Document.read(text, file: file), text: text, file: file)
    }

    private init(root: Value, text: String, file: String) throws(SpecError) {
        let fields = try Fields(
            root, what: "a spec",
            known: [
                "name", "description", "operations", "settings", "gates", "notify", "checklist",
            ])
        self.file = file
        self.text = text
        name = try Self.name(fields, file: file)
        description = try fields.optionalString("description")
        operations = try SpecOperation.list(fields.required("operations"))
        settings =
            try fields["settings"].map { value throws(SpecError) in
                value.isNull ? Settings() : try Settings(value)
            } ?? Settings()
        gates = try GateWording.dictionary(fields["gates"])
        notify = try Self.notify(fields["notify"])
        checklist = try ChecklistItem.list(fields["checklist"])
        identity = "name: \(name)\noperations: \((fields["operations"]).map(\.canonical) ?? "")"
    }

    /// Changes one setting as `lockkeeper set NAME KEY=VALUE` does.
    public mutating func applySetting(key: String, value: String) throws(SpecError) {
        try settings.apply(key: key, value: value)
    }

    /// What planning needs to know first: tables, types, statements, and expressions that can be
    /// asked about without knowing the table.
    public var questions: Questions {
        var questions = Questions()
        for entry in operations { questions.add(entry.operation.questions) }
        return questions
    }

    /// Everything that planning needs to know: the first questions and those that only the first
    /// answers raise (the image of a default, copied checks on the new type).
    public func questions(knowing facts: Facts) -> Questions {
        var questions = questions
        for entry in operations { questions.add(entry.operation.questions(knowing: facts)) }
        return questions
    }

    private static func name(_ fields: Fields, file: String) throws(SpecError) -> String {
        let isGiven = fields.has("name")
        let text: String
        if isGiven {
            text = try fields.string("name")
        } else {
            let base = file.split(separator: "/").last.map(String.init) ?? file
            let stem = base.split(separator: ".", omittingEmptySubsequences: false)
            text = (stem.count > 1 ? stem.dropLast() : stem).joined(separator: ".")
        }
        let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-_")
        guard !text.isEmpty, text.count <= 40, text.allSatisfy(allowed.contains) else {
            let advice = "use at most 40 of a-z 0-9 - _"
            throw SpecError(
                file: file, mark: fields.mark("name"),
                message: isGiven
                    ? "\"\(text)\" can't be a migration's name; \(advice)"
                    : "the file's name \"\(text)\" can't be the migration's name; add \"name:\" and \(advice)"
            )
        }
        return text
    }

    private static func notify(_ value: Value?) throws(SpecError) -> [String] {
        guard let value, !value.isNull else { return [] }
        var commands: [String] = []
        for entry in try value.list("\"notify\"") {
            let command = try entry.string("a command")
            guard !command.isEmpty else { throw entry.error("this command is empty; give one") }
            commands.append(command)
        }
        return commands
    }
}

/// One entry of `operations`.
public struct SpecOperation: Sendable {
    /// From 1, as in gate ids.
    public let number: Int
    /// `replace_column`
    public let key: String
    public let operation: any Operation
    public let mark: SourceMark

    static func list(_ value: Value) throws(SpecError) -> [SpecOperation] {
        let values = try value.list("\"operations\"")
        guard !values.isEmpty else {
            throw value.error("\"operations\" is empty; list at least one operation")
        }
        var operations: [SpecOperation] = []
        for value in values {
            operations.append(try SpecOperation(value, number: operations.count + 1))
        }
        return operations
    }

    private init(_ value: Value, number: Int) throws(SpecError) {
        guard case .mapping(let entries) = value.content, let entry = entries.first else {
            throw value.error("an operation is one key with its fields: \"replace_column: {…}\"")
        }
        if let second = entries.dropFirst().first {
            throw SpecError(
                file: value.file, mark: second.keyMark,
                message: "\"\(second.key)\" stands beside \"\(entry.key)\"; indent it if it is a "
                    + "field of \(entry.key), or begin a new \"- \" entry")
        }
        self.number = number
        key = entry.key
        mark = entry.keyMark
        guard let type = OperationRegistry.type(entry.key) else {
            throw OperationRegistry.unknown(entry, file: value.file)
        }
        let fields = try Fields(
            entry.value, what: entry.key, mark: entry.keyMark, known: type.fields)
        operation = try type.init(fields)
    }
}

/// The user's words for a gate, and how many people must pass it.
public struct GateWording: Sendable, Equatable {
    public let text: String
    public let approvals: Int
    public let mark: SourceMark

    static func dictionary(
        _ value: Value?
    ) throws(SpecError) -> OrderedDictionary<String, GateWording> {
        guard let value, !value.isNull else { return [:] }
        guard case .mapping(let entries) = value.content else {
            throw value.error("\"gates\" has a line a gate: \"1.switch: your words\"")
        }
        var gates: OrderedDictionary<String, GateWording> = [:]
        for entry in entries { gates[entry.key] = try GateWording(entry) }
        return gates
    }

    private init(_ entry: Value.Entry) throws(SpecError) {
        mark = entry.keyMark
        guard case .mapping = entry.value.content else {
            text = try entry.value.string("the text of gate \(entry.key)")
            approvals = 1
            return
        }
        let fields = try Fields(
            entry.value, what: "gate \(entry.key)", mark: mark, known: ["text", "approvals"])
        text = try fields.string("text")
        approvals = try fields["approvals"]?.integer("\"approvals\"", in: 1...20) ?? 1
    }
}

extension ChecklistItem {
    /// What is asked before a window where the spec says nothing.
    public static let standard = [
        ChecklistItem(id: "compatible", text: "Migration is backward compatible"),
        ChecklistItem(id: "rollback", text: "Rollback plan documented"),
        ChecklistItem(id: "rehearsed", text: "Tested with production-like data volume"),
        ChecklistItem(id: "monitored", text: "Monitoring in place for query performance"),
        ChecklistItem(id: "notified", text: "Team notified of migration window"),
    ]

    static func list(_ value: Value?) throws(SpecError) -> [ChecklistItem] {
        guard let value, !value.isNull else { return standard }
        var items: [ChecklistItem] = []
        for entry in try value.list("\"checklist\"") {
            let item = try ChecklistItem(entry)
            guard !items.contains(where: { $0.id == item.id }) else {
                throw entry.error(
                    "two checklist items have the id \"\(item.id)\"; give one another id")
            }
            items.append(item)
        }
        return items
    }

    private init(_ value: Value) throws(SpecError) {
        if case .mapping = value.content {
            let fields = try Fields(value, what: "a checklist item", known: ["id", "text", "rows"])
            let text = try fields.string("text")
            let id = try fields.optionalString("id") ?? Self.id(of: text)
            if let rows = fields["rows"], id != "rehearsed" {
                throw rows.error("\"rows\" belongs to the item \"rehearsed\"; take it out here")
            }
            self.init(
                id: id, text: text, leastRowsPercent: try fields["rows"]?.percentOrNull())
        } else {
            let text = try value.string("a checklist item")
            self.init(id: Self.id(of: text), text: text)
        }
        guard !id.isEmpty else {
            throw value.error("this checklist item has no words; write what must be done")
        }
    }

    /// Its words joined by `-`: `Backups are fresh!` is `backups-are-fresh`.
    private static func id(of text: String) -> String {
        text.lowercased().split { !($0.isLetter || $0.isNumber || $0 == "_") }
            .joined(separator: "-")
    }
}
