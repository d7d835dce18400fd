import SQLText

/// Makes the steps of one operation on one table, with ids that say where they belong.
struct StepMaker {
    let number: Int
    let table: QualifiedName
    private(set) var steps: [Step] = []

    init(number: Int, table: QualifiedName) {
        self.number = number
        self.table = table
    }

    func id(_ phase: Phase, _ what: String) -> StepID { "\(number).\(phase.rawValue).\(what)" }

    /// A word for an id out of a name that may hold anything.
    func word(_ name: String) -> String {
        String(
            name.map { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) ? $0 : "-" })
    }

    mutating func add(
        _ phase: Phase, _ what: String, _ title: String, _ action: StepAction,
        undo: [Undo] = [], isPointOfNoReturn: Bool = false, hazards: [Hazard] = []
    ) {
        let id = unused(id(phase, what))
        steps.append(
            Step(
                id: id, operation: number, phase: phase, title: title, action: action,
                undo: undo.map {
                    UndoStep(
                        id: "\(id).\($0.word)", title: $0.title, action: $0.action,
                        isPurge: $0.isPurge)
                },
                isPointOfNoReturn: isPointOfNoReturn, hazards: hazards))
    }

    /// Names that differ in what `word` drops would give one id twice.
    private func unused(_ id: StepID) -> StepID {
        var candidate = id
        var count = 1
        while steps.contains(where: { $0.id == candidate }) {
            count += 1
            candidate = "\(id)-\(count)"
        }
        return candidate
    }

    struct Undo {
        let word: String
        let title: String
        let action: StepAction
        let isPurge: Bool

        init(_ word: String, _ title: String, _ action: StepAction, isPurge: Bool = false) {
            self.word = word
            self.title = title
            self.action = action
            self.isPurge = isPurge
        }
    }
}

extension StepAction {
    /// Statements that take one lock mode on one table.
    static func ddl(
        _ statements: [SQL], on table: QualifiedName, _ mode: LockMode,
        scans: QualifiedName? = nil
    ) -> StepAction {
        .transaction(
            TransactionAction(
                statements.map { Statement($0, locks: [TableLock(table, mode)]) }, scans: scans))
    }
}

extension Statement {
    /// Drops a column with the indexes and constraints that name it. Of a foreign key the referenced
    /// table is locked too.
    ///
    /// - Parameter name: what the column was called when the facts were read.
    static func dropColumn(
        _ column: Identifier, of table: TableFacts, named name: String
    ) -> Statement {
        let referenced = table.constraints.filter {
            $0.kind == .foreignKey && $0.columns.contains(name)
        }.compactMap(\.references)
        return Statement(
            "ALTER TABLE \(table.name) DROP COLUMN \(column)",
            locks: Set(referenced + [table.name]).sorted().map {
                TableLock($0, .accessExclusive)
            })
    }
}
