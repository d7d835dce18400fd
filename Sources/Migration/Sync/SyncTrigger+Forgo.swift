import SQLText

/// `unrepresentable: forgo_rollback`: where the old side can't hold what `down` gives, it stays as it
/// last was, and the row is given up for a rollback.
///
/// Whether it can is found by trying: the value is assigned to a variable of the old column's type, as
/// storing it would, and the column's own constraints are asked of it. A subtransaction around that
/// catches what raises; it writes nothing, so it takes no transaction id.
struct ForgoneRollback: Sendable, Equatable {
    /// `lockkeeper."fits_orders-status_1"`: the same test, for the comparisons and counts.
    let function: QualifiedName
    let isNotNull: Bool
    /// What stands in the old column's checks, each over that column alone.
    let conditions: [String]

    /// Errors by which a value says that it is none of the old side's: of data (class 22), of a domain's
    /// constraint (class 23), and what a function of `down` raises itself.
    static let errors: SQL =
        "data_exception OR integrity_constraint_violation OR raise_exception"

    /// True for a value of that name which the old side accepts.
    func accepts(_ value: SQL) -> SQL {
        let tests =
            (isNotNull ? ["\(value) IS NOT NULL" as SQL] : [])
            + conditions.map { "(\(SQL(writtenByUser: $0))) IS NOT FALSE" as SQL }
        return tests.isEmpty ? "true" : tests.joined(separator: " AND ")
    }
}

extension SyncTrigger {
    /// The old column's new value, where the old side can hold it.
    func assignWhereItFits(_ forgone: ForgoneRollback, _ renaming: Renaming) -> SQL {
        block(
            reading: Set(newSide), renaming, trying: true,
            """
            \(variable(old)) := (\(SQL(writtenByUser: down ?? "NULL")));
            IF \(forgone.accepts(variable(old))) THEN
              \(field(old, renaming)) := \(variable(old));
            END IF;
            """)
    }

    /// Inserted by the new version, unless the old side is what the new one is the image of.
    func insertWhereItFits(_ forgone: ForgoneRollback, _ renaming: Renaming) -> SQL {
        let isOwnImage = block(
            reading: Set(oldSide + [new]), renaming,
            """
            IF ROW(\(variable(new)))::record *<> ROW((\(SQL(writtenByUser: up)))::\(type(new)))::record THEN
            \(indented(assignWhereItFits(forgone, renaming), by: 2))
            END IF;
            """)
        return isOwnImage
    }

    /// Says of the new side's columns whether the old side can hold what `down` gives. No table is read.
    func createFits(_ forgone: ForgoneRollback) -> SQL {
        let arguments = fitsColumns.map { type($0.name) }.joined(separator: ", ")
        let declared = fitsColumns.enumerated().map { place, column in
            "\(variable(column.name)) \(declaredType(column)) := $\(place + 1);" as SQL
        }
        return """
            CREATE FUNCTION \(forgone.function)(\(arguments)) RETURNS boolean LANGUAGE plpgsql STABLE
            \(pins)
            AS \(SQL.dollarQuoted(
                """

                #variable_conflict use_column
                BEGIN
                  <<\(SQL(writtenByUser: table.name.alwaysQuoted))>>
                  DECLARE
                \(indented(declared.joined(separator: "\n"), by: 4))
                    \(oldVariable)
                  BEGIN
                    \(variable(old)) := (\(SQL(writtenByUser: down ?? "NULL")));
                    RETURN \(forgone.accepts(variable(old)));
                  EXCEPTION WHEN \(ForgoneRollback.errors) THEN
                    RETURN false;
                  END;
                END

                """))
            """
    }

    func dropFits(_ forgone: ForgoneRollback) -> SQL {
        let arguments = fitsColumns.map { type($0.name) }.joined(separator: ", ")
        return "DROP FUNCTION IF EXISTS \(forgone.function)(\(arguments))"
    }

    /// True for a row whose new side the old one can hold.
    func fits(_ forgone: ForgoneRollback) -> SQL {
        "\(forgone.function)(\(names: fitsColumns.map { Identifier($0.name) }))"
    }

    private var fitsColumns: [ColumnFacts] { columns.filter { newSide.contains($0.name) } }

    /// The value that is tried, under the old column's own name, by which its checks know it.
    var oldVariable: SQL {
        guard let column = columns.first(where: { $0.name == old }) else { return "" }
        return "\(variable(old)) \(declaredType(column));"
    }
}
