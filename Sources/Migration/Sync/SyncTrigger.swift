import SQLText

/// The trigger that keeps the old and the new side of a replaced column equal, and its function.
///
/// The rules, each of which is there because its absence lost data when it was tried:
/// - UPDATE. Old side changed: new := up. New side changed: old := down. Both: the application knows
///   best. Neither, and new unset: new := up, because an update moves the row out of the fill's reach.
/// - INSERT. New unset: new := up. New set, old unset or at its default, and neither the image of the
///   other: old := down. Else the application wrote both.
///
/// On a partitioned table a change of the partition key is an UPDATE, for which the trigger fires, and
/// then the INSERT of the row into its new partition, for which it fires once more (measured on 15 to
/// 18). The rule of INSERT leaves a row of which one side is the other's image as it is, so a map that
/// loses something (`lower`) loses nothing more by a move, and is not refused. Only a row whose sides
/// the application wrote so that neither is the other's image, with the old one at its default, is
/// treated as one that was inserted so.
///
/// "Changed" is by image (`*<>`): IS DISTINCT FROM does not see 1.0 become 1.00 and has no operator
/// for json. A row constructor needs its cast to `record`, without which PostgreSQL compares the
/// constructors' columns one by one and finds no operator `*<>` (tried on 15).
///
/// The expressions are evaluated in an inner block that carries the table's name and declares every
/// column that they read as a variable. So `status` and `orders.status` both mean the row's column,
/// whatever a later step renames it to; names like `new`, `old`, `found` or `tg_op` mean the column
/// too; and PL/pgSQL evaluates them as simple expressions, without the executor.
struct SyncTrigger: Sendable {
    let table: QualifiedName
    let function: QualifiedName
    let trigger: Identifier
    let operationID: String
    let session: SessionFacts
    /// Every column of the table by its plan-time name, the new one included.
    let columns: [ColumnFacts]
    let old: String
    let new: String
    /// Columns that `up` reads.
    let oldSide: [String]
    /// Columns that `down` reads; the new one alone where there is no `down`.
    let newSide: [String]
    let up: String
    let down: String?
    /// One way only: a value is given where the application wrote none, and never changed after.
    var isFillOnWrite = false
    /// The fill alone gives rows that are there a value, as it keeps which ones those were.
    var leavesUnwritten = false
    /// What the old side can't hold is given up instead of refused.
    var forgone: ForgoneRollback?

    /// One that lives as long as a column is renamed: plan-time name to the name that it has now.
    typealias Renaming = [String: String]

    func create(renaming: Renaming = [:], orReplace: Bool = false) -> SQL {
        let verb: SQL = orReplace ? "CREATE OR REPLACE FUNCTION" : "CREATE FUNCTION"
        return """
            \(verb) \(function)() RETURNS trigger LANGUAGE plpgsql
            \(pins)
            AS \(SQL.dollarQuoted(body(renaming)))
            """
    }

    /// What the expressions mean is settled, whoever calls: `pg_temp` is named last, because unnamed it
    /// comes first, and a client's temporary table would stand in for one that the expression reads.
    var pins: SQL {
        let path = (session.searchPath + [Identifier("pg_temp")]).map(\.quoted)
            .joined(separator: ", ")
        return """
             SET search_path TO \(SQL(writtenByUser: path))
             SET "TimeZone" TO \(literal: session.timeZone)
             SET "DateStyle" TO \(literal: session.dateStyle)
            """
    }

    /// Fires for every write but the fill's own, which is told by the setting that its transaction
    /// carries; not for one that a trigger makes in the middle of such a batch (depth above 0), which
    /// is somebody else's.
    var createTrigger: SQL {
        """
        CREATE TRIGGER \(trigger) BEFORE INSERT OR UPDATE ON \(table) FOR EACH ROW
         WHEN (pg_catalog.current_setting('lockkeeper.fill', true) IS DISTINCT FROM \(literal: operationID)
               OR pg_catalog.pg_trigger_depth() > 0)
         EXECUTE FUNCTION \(function)()
        """
    }

    /// So that it also fires under `session_replication_role = replica`.
    var enableAlways: SQL { "ALTER TABLE \(table) ENABLE ALWAYS TRIGGER \(trigger)" }
    /// Of a trigger that somebody has dropped the rest must still be undone.
    var dropTrigger: SQL { "DROP TRIGGER IF EXISTS \(trigger) ON \(table)" }
    var dropFunction: SQL { "DROP FUNCTION IF EXISTS \(function)()" }

    // MARK: The function's body

    /// Names for the row variables that no column of the table has: inside the blocks a column's
    /// variable would hide them.
    private var rowNames: (new: SQL, old: SQL) {
        let taken = Set(columns.map(\.name) + [table.name.name])
        var end = ""
        while taken.contains("lk_new" + end) || taken.contains("lk_old" + end) { end += "_" }
        return ("\(Identifier("lk_new" + end))", "\(Identifier("lk_old" + end))")
    }

    private func body(_ renaming: Renaming) -> SQL {
        let rows = rowNames
        if isFillOnWrite { return fillBody }
        return """

            #variable_conflict use_column
            DECLARE
              \(rows.new) ALIAS FOR NEW;
              \(rows.old) ALIAS FOR OLD;
            BEGIN
              IF TG_OP = 'UPDATE' THEN
            \(indented(updateRules(renaming), by: 4))
              ELSE
            \(indented(insertRules(renaming), by: 4))
              END IF;
              RETURN \(rows.new);
            END
            """ + "\n"
    }

    /// For every write, an UPDATE of other columns too: it moves the row out of the fill's reach.
    private var fillBody: SQL {
        let isWritten: SQL =
            leavesUnwritten
            ? " AND (TG_OP = 'INSERT' OR \(rowNames.old).\(quoted(new, [:])) IS NOT NULL)" : ""
        let was: SQL = leavesUnwritten ? "\n  \(rowNames.old) ALIAS FOR OLD;" : ""
        return """

            #variable_conflict use_column
            DECLARE
              \(rowNames.new) ALIAS FOR NEW;\(was)
            BEGIN
              IF \(field(new, [:])) IS NULL\(isWritten) THEN
            \(indented(assignNew([:]), by: 4))
              END IF;
              RETURN \(rowNames.new);
            END

            """
    }

    private func updateRules(_ renaming: Renaming) -> SQL {
        let oldChanged = changed(oldSide, renaming)
        let newChanged = changed(newSide, renaming)
        let fromNew: SQL =
            forgone.map { assignWhereItFits($0, renaming) }
            ?? (down == nil
                ? "NULL;  -- no down: the old side stays as it is"
                : assignOld(renaming))
        return """
            IF \(oldChanged) THEN
              IF NOT (\(newChanged)) THEN
            \(indented(assignNew(renaming), by: 4))
              END IF;
            ELSIF \(newChanged) THEN
            \(indented(fromNew, by: 2))
            ELSIF \(field(new, renaming)) IS NULL THEN
            \(indented(assignNew(renaming), by: 2))
            END IF;
            """
    }

    private func insertRules(_ renaming: Renaming) -> SQL {
        let start: SQL = """
            IF \(field(new, renaming)) IS NULL THEN
            \(indented(assignNew(renaming), by: 2))
            """
        guard let down else { return start + "\nEND IF;" }
        if let forgone {
            return start + """

                ELSIF \(oldUnset(renaming)) THEN
                  -- Written by the new version, unless the new side is the image of the old one.
                \(indented(insertWhereItFits(forgone, renaming), by: 2))
                END IF;
                """
        }
        // One block has all that the tests and the assignment read.
        let written = block(
            reading: Set(oldSide + newSide + [old, new]), renaming,
            """
            IF ROW(\(variable(new)))::record *<> ROW((\(SQL(writtenByUser: up)))::\(type(new)))::record
               AND ROW(\(variable(old)))::record *<> ROW((\(SQL(writtenByUser: down)))::\(type(old)))::record
            THEN
              \(field(old, renaming)) := (\(SQL(writtenByUser: down)));
            END IF;
            """)
        return start + """

            ELSIF \(oldUnset(renaming)) THEN
              -- Written by the new version, unless one side is already the image of the other.
            \(indented(written, by: 2))
            END IF;
            """
    }

    private func oldUnset(_ renaming: Renaming) -> SQL {
        let isNull: SQL = "\(field(old, renaming)) IS NULL"
        guard let column = column(old), let text = column.defaultText,
            column.generation == .none
        else { return isNull }
        return """
            \(isNull)
               OR ROW(\(field(old, renaming)))::record *= ROW((\(SQL(writtenByUser: text)))::\(type(old)))::record
            """
    }

    private func assignNew(_ renaming: Renaming) -> SQL {
        block(
            reading: Set(oldSide), renaming,
            "\(field(new, renaming)) := (\(SQL(writtenByUser: up)));")
    }

    private func assignOld(_ renaming: Renaming) -> SQL {
        block(
            reading: Set(newSide), renaming,
            "\(field(old, renaming)) := (\(SQL(writtenByUser: down ?? "NULL")));")
    }

    /// A block with the table's name, in which each of the columns is a variable.
    ///
    /// - Parameter trying: the old column is a variable without a value, and what raises is passed over.
    func block(
        reading names: Set<String>, _ renaming: Renaming, trying: Bool = false, _ statement: SQL
    ) -> SQL {
        let declarations =
            columns.filter { names.contains($0.name) }.map { column -> SQL in
                "\(variable(column.name)) \(declaredType(column)) := \(field(column.name, renaming));"
            } + (trying ? [oldVariable] : [])
        let passing: SQL =
            trying
            ? "\nEXCEPTION WHEN \(ForgoneRollback.errors) THEN\n  NULL;  -- it stays as it last was"
            : ""
        let declared: SQL =
            declarations.isEmpty
            ? "" : "DECLARE\n\(indented(declarations.joined(separator: "\n"), by: 2))\n"
        return """
            <<\(SQL(writtenByUser: table.name.alwaysQuoted))>>
            \(declared)BEGIN
            \(indented(statement, by: 2))\(passing)
            END;
            """
    }

    func declaredType(_ column: ColumnFacts) -> SQL {
        let collation: SQL = column.collation.map { " COLLATE \(SQL(writtenByUser: $0))" } ?? ""
        return "\(SQL(writtenByUser: column.type))\(collation)"
    }

    private func changed(_ names: [String], _ renaming: Renaming) -> SQL {
        let rows = rowNames
        let inOrder = columns.map(\.name).filter(Set(names).contains)
        func row(_ record: SQL) -> SQL {
            let fields = inOrder.map { "\(record).\(quoted($0, renaming))" as SQL }
            return "ROW(\(fields.joined(separator: ", ")))::record"
        }
        return "\(row(rows.new)) *<> \(row(rows.old))"
    }

    private func column(_ name: String) -> ColumnFacts? { columns.first { $0.name == name } }

    func type(_ name: String) -> SQL { SQL(writtenByUser: column(name)?.type ?? "text") }

    func variable(_ name: String) -> SQL {
        SQL(writtenByUser: Identifier(name).alwaysQuoted)
    }

    private func quoted(_ name: String, _ renaming: Renaming) -> SQL {
        SQL(writtenByUser: Identifier(renaming[name] ?? name).alwaysQuoted)
    }

    func field(_ name: String, _ renaming: Renaming) -> SQL {
        "\(rowNames.new).\(quoted(name, renaming))"
    }

    func indented(_ sql: SQL, by spaces: Int) -> SQL {
        // What goes over several lines between quotes, a literal or a name, must not be indented.
        let text = sql.text
        if hasLineEndInLiteral, text.utf8.contains(UInt8(ascii: "'")) { return sql }
        if hasLineEndInName, text.utf8.contains(UInt8(ascii: "\"")) { return sql }
        let margin = String(repeating: " ", count: spaces)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return SQL(
            writtenByUser: lines.map { $0.isEmpty ? "" : margin + $0 }.joined(separator: "\n"))
    }

    private var hasLineEndInLiteral: Bool {
        Self.hasLineEnd([up, down ?? "", column(old)?.defaultText ?? ""])
    }

    private var hasLineEndInName: Bool {
        Self.hasLineEnd([table.name.name] + columns.map(\.name))
    }

    private static func hasLineEnd(_ texts: [String]) -> Bool {
        texts.contains { $0.utf8.contains(UInt8(ascii: "\n")) }
    }
}

private func + (left: SQL, right: SQL) -> SQL { "\(left)\(right)" }
