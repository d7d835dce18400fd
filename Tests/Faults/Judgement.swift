import Conformance
import Foundation
import Postgres

/// What must be true when a trial is over.
struct Judgement {
    let scene: Scene
    let end: Trip.End

    func pass() async throws {
        for client in [scene.old, scene.new].compactMap({ $0 }) {
            // With the schema go the sync triggers; where a column of ours is NOT NULL by then, the other
            // version's writes are refused.
            let errors = await client.errors.filter { error in
                !(scene.trial.fault.leavesToDoctor
                    && (error.contains("SQLSTATE 23502") || error.contains("SQLSTATE 23514")))
            }
            for error in errors.prefix(2) { scene.blame("a client: \(error)") }
            if errors.count > 2 { scene.blame("a client: \(errors.count) errors in all") }
        }
        switch end {
        case .finished:
            try await compareModel(variant.result, variant.resultTable, variant.expected)
            try await judgeTarget()
            try await judgeJournal("finished")
            try await judgeLeftovers()
        case .rolledBack:
            if variant.old != nil { try await compareModel("status", "orders") { [$0.status] } }
            let schema = try await Theatre.schema(of: scene.database, on: scene.server)
            if schema != scene.before {
                scene.blame(
                    "the schema is not as it was: \(Theatre.difference(schema, scene.before))")
            }
            try await judgeJournal("rolled_back")
            try await judgeLeftovers()
        case .givenUp:
            try await compareOldRows()
            if scene.trial.fault.leavesToDoctor { try await judgeDoctor() }
        }
    }

    private var variant: Variant { scene.trial.variant }

    // MARK: rows

    private func compareModel(
        _ columns: String, _ table: SQL, _ expected: (ModelRow) -> [String?]
    ) async throws {
        let rows = try await scene.run(
            "SELECT id, trunc(amount)::int, \(SQL(writtenByUser: columns)) FROM \(table) ORDER BY id"
        )?.rows
        let found = (rows ?? []).map { row in
            row.values.map { $0 ?? "NULL" }.joined(separator: " ")
        }
        let wanted = await scene.model().sorted { $0.key < $1.key }.map { id, row in
            (["\(id)", "\(row.amount)"] + expected(row).map { $0 ?? "NULL" })
                .joined(separator: " ")
        }
        let difference = zip(found, wanted).first { $0 != $1 }
        if found.count != wanted.count || difference != nil {
            scene.blame(
                "\(found.count) rows, \(wanted.count) in the model; first difference: "
                    + (difference.map { "\($0.0) for \($0.1)" } ?? "a row too many or too few"))
        }
    }

    /// Where nobody can go on, the rows are all there: neither too many nor too few.
    private func compareOldRows() async throws {
        let tables = ["orders", "purchases"]
        for table in tables {
            guard
                try await scene.value(
                    "SELECT to_regclass(\(literal: "public." + table)) IS NOT NULL")
                    == "t"
            else { continue }
            let count = try await scene.value("SELECT count(*) FROM \(Identifier(table))")
            let wanted = await scene.model().count
            if count != "\(wanted)" { scene.blame("\(count ?? "") rows, \(wanted) in the model") }
            return
        }
        scene.blame("the table is gone")
    }

    /// What nobody knows of any more, `lockkeeper doctor` names: but what the run needs that was begun
    /// anew, and what goes with the table that it is of.
    private func judgeDoctor() async throws {
        guard let left = try await scene.value(Orders.leftovers) else { return }
        let doctor = try await scene.unstruck(["doctor"])
        let said = doctor.output + doctor.errors
        let plans =
            try await scene.state() == nil
            ? nil
            : scene.value(
                "SELECT string_agg(plan::text, '') FROM lockkeeper.migrations WHERE state = 'active'"
            )
        for object in left.components(separatedBy: ", ") where !object.hasPrefix("lock ") {
            let name = object.split(separator: " ").last.map(String.init) ?? object
            let isPart = try await scene.value(
                "SELECT count(*) > 0 FROM pg_class WHERE relname = \(literal: name) AND relkind NOT IN ('r', 'p', 'v')"
            )
            if said.contains(name) || plans?.contains(name) == true || isPart == "t" { continue }
            scene.blame("doctor does not name the \(object): \(said)")
        }
    }

    // MARK: schema

    private func judgeTarget() async throws {
        let schema = try await Theatre.schema(of: scene.database, on: scene.server)
        for text in variant.shows where !schema.contains(text) {
            scene.blame("the schema lacks \(text)")
        }
        for text in variant.hides where schema.contains(text) {
            scene.blame("the schema still has \(text)")
        }
        if let difference = await scene.theatre.difference(schema, from: variant) {
            scene.blame("the schema is not what other trials made of it: \(difference)")
        }
    }

    /// Triggers, functions, locks and the like, and sessions. A session that has just been closed is
    /// gone a moment later.
    private func judgeLeftovers() async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let objects = try await scene.value(Orders.leftovers)
            let sessions = try await scene.value(
                """
                SELECT string_agg(pg_catalog.format('session %s: %s', state, left(query, 80)), ', ')
                  FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'lockkeeper'
                   AND pid <> pg_backend_pid()
                """)
            let found = [objects, sessions].compactMap { $0 }.joined(separator: ", ")
            if found.isEmpty { return }
            if ContinuousClock.now > deadline { return scene.blame("left over: \(found)") }
            try await Task.sleep(for: .milliseconds(30))
        }
    }

    // MARK: journal

    private func judgeJournal(_ state: String) async throws {
        let row = try await scene.run(
            """
            SELECT m.state, m.failure,
                   (SELECT count(*) FROM lockkeeper.engines) AS engines,
                   (SELECT string_agg(p->>'id', ', ') FROM jsonb_array_elements(m.plan->'steps') p
                      LEFT JOIN lockkeeper.steps s ON s.migration = m.id AND s.step = p->>'id'
                     WHERE CASE m.state WHEN 'finished' THEN s.state IS DISTINCT FROM 'done'
                           ELSE s.state = 'done' END) AS untrue,
                   (SELECT count(*) FROM lockkeeper.events e
                     WHERE e.migration = m.id AND e.kind = CASE m.state WHEN 'finished'
                           THEN 'finished' ELSE 'rolled_back' END) AS told
              FROM lockkeeper.migrations m ORDER BY m.id DESC LIMIT 1
            """)?.rows.first
        guard let row else { return scene.blame("the journal is empty") }
        let found = try row.string("state")
        if found != state { scene.blame("the journal says \(found), it is \(state)") }
        if let failure: String = try row.optional("failure") {
            scene.blame("the journal still tells of a failure: \(failure)")
        }
        if let untrue: String = try row.optional("untrue") {
            scene.blame("the journal is not true of \(untrue)")
        }
        if try row.int("engines") > 0 {
            scene.blame("the journal still has an engine")
        }
        if try row.int("told") != 1 {
            scene.blame("the end is told \(try row.int("told")) times in the history")
        }
    }
}
