import SQLText

/// A plan as a script for psql, to read or to try on a copy: no batches, no retries, no journal. `run`
/// does the same statements with bounded locks and a cursor.
public enum PlanSQL {
    public static func render(_ plan: Plan) -> String {
        let parts = plan.steps.map {
            "-- \(oneLine("\($0.id): \($0.title)"))\n" + script($0.action)
        }
        let setup = "CREATE SCHEMA IF NOT EXISTS lockkeeper;\n" + session(plan.session)
        return ([head(plan, "as \"lockkeeper run\" would do it") + setup] + parts)
            .joined(separator: "\n\n") + "\n"
    }

    /// The way back from the last moment before the point of no return: each step's undo, newest
    /// first. A gate or comparison that several undos have stands at each of them.
    public static func renderUndo(_ plan: Plan) -> String {
        let parts = plan.steps.prefix { !$0.isPointOfNoReturn }.reversed().flatMap(\.undo).map {
            "-- \(oneLine("\($0.id): \($0.title)"))\n" + script($0.action)
        }
        return
            ([head(plan, "as \"lockkeeper rollback\" would undo it") + session(plan.session)]
            + parts)
            .joined(separator: "\n\n") + "\n"
    }

    private static func head(_ plan: Plan, _ what: String) -> String {
        """
        -- \(plan.name), \(what), but in one go: for a copy, not for a live
        -- database. Steps that wait for a person are comments.
        \\set ON_ERROR_STOP on
        \\set from_block 0
        \\set to_block 4294967295

        """
    }

    private static func session(_ session: SessionFacts) -> String {
        let path = session.searchPath.map(\.quoted).joined(separator: ", ")
        return """
            SET search_path TO \(path);
            SET "TimeZone" TO \(SQL.literal(session.timeZone));
            SET "DateStyle" TO \(SQL.literal(session.dateStyle));
            """
    }

    /// The statements of one step or undo step, as psql runs them.
    public static func script(_ action: StepAction) -> String {
        switch action {
        case .transaction(let transaction):
            return (["BEGIN"] + transaction.statements.map(\.sql.text) + ["COMMIT"])
                .map { $0 + ";" }.joined(separator: "\n")
        case .gate(let gate): return "-- gate \(gate.id): \(oneLine(gate.text))"
        case .quarantine: return "-- the quarantine"
        case .checkTrigger(let check): return "-- \(oneLine(check.trigger.quoted)) must be in place"
        case .fill(let fill):
            guard let setting = fill.triggerSetting else { return fill.update(nil).text + ";" }
            return """
                BEGIN;
                SELECT pg_catalog.set_config('lockkeeper.fill', \(SQL.literal(setting)), true);
                \(fill.update(nil));
                COMMIT;
                """
        default:
            return action.statements.map { $0.text + ";" }.joined(separator: "\n")
        }
    }

    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}
