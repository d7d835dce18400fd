import Engine
import Foundation
import Migration
import Monitor

/// Pictures of a migration at its moments, as the engine would give them.
enum Samples {
    /// The server's clock in every sample: 2026-11-23 22:14:07 UTC.
    static let now = Date(timeIntervalSince1970: 1_795_472_047)

    static func ago(_ seconds: Double) -> Date { now.addingTimeInterval(-seconds) }

    static let identity = ServerIdentity(
        user: "migrator", database: "shop", host: "db1.example:5432", version: "15.18",
        isStandby: false)

    static func picture(
        sessions: [Session] = [], waits: [LockWait] = [], prepared: [PreparedTransaction] = []
    ) -> ServerPicture {
        ServerPicture(
            takenAt: now, server: identity, sessions: sessions, lockWaits: waits,
            preparedTransactions: prepared,
            replicas: [
                Replica(
                    name: "db2", state: "streaming", syncState: "async", bytesBehind: 1_204_331,
                    replayLag: 0.42)
            ],
            activeSessions: 12, walRate: 3_141_592)
    }

    static func steps(upTo done: Int, running: Int? = nil) -> [Phase: [StepView]] {
        let all: [(Phase, StepID, String, String, [String], [String], [String])] = [
            (
                .expand, "1.expand.probe", "evaluate up over public.orders", "probe",
                ["SELECT count(*) AS rows FROM ONLY public.orders"],
                ["ACCESS SHARE on public.orders"], []
            ),
            (
                .expand, "1.expand.add-column", "add column status_v2 to public.orders",
                "transaction", ["ALTER TABLE public.orders ADD COLUMN status_v2 varchar(50)"],
                ["ACCESS EXCLUSIVE on public.orders"],
                ["ALTER TABLE public.orders DROP COLUMN status_v2"]
            ),
            (
                .migrate, "1.migrate.trigger", "sync status and status_v2", "transaction",
                [
                    "CREATE FUNCTION lockkeeper.sync_1() RETURNS trigger\nLANGUAGE plpgsql AS $$\nBEGIN\n  RETURN NEW;\nEND $$",
                    "CREATE TRIGGER zz_lk_sync BEFORE INSERT OR UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION lockkeeper.sync_1()",
                ], ["SHARE ROW EXCLUSIVE on public.orders"],
                ["DROP TRIGGER zz_lk_sync ON public.orders"]
            ),
            (
                .backfill, "1.backfill.fill", "fill public.orders.status_v2", "fill",
                [
                    "UPDATE ONLY public.orders SET status_v2 = (status)\n WHERE ctid >= '(:from_block,0)'::tid AND ctid < '(:to_block,0)'::tid AND (status_v2 IS NULL)"
                ], ["ROW EXCLUSIVE on public.orders"], []
            ),
            (
                .backfill, "1.backfill.analyze", "analyze public.orders", "transaction",
                ["ANALYZE public.orders (status_v2)"],
                ["SHARE UPDATE EXCLUSIVE on public.orders"], []
            ),
            (
                .switch, "1.switch.compare", "compare status and status_v2 of every row", "compare",
                ["SELECT count(*) AS rows FROM ONLY public.orders"],
                ["ACCESS SHARE on public.orders"], []
            ),
            (.switch, "1.switch.gate", "the application uses status_v2", "gate", [], [], []),
            (.contract, "1.contract.gate", "nothing names status", "gate", [], [], []),
            (
                .contract, "1.contract.quarantine", "put status out of sight", "transaction",
                ["ALTER TABLE public.orders RENAME COLUMN status TO lk_5f21"],
                ["ACCESS EXCLUSIVE on public.orders"],
                ["ALTER TABLE public.orders RENAME COLUMN lk_5f21 TO status"]
            ),
            (
                .contract, "1.contract.purge", "drop status", "transaction",
                ["ALTER TABLE public.orders DROP COLUMN lk_5f21"],
                ["ACCESS EXCLUSIVE on public.orders"], []
            ),
        ]
        var result: [Phase: [StepView]] = [:]
        for (offset, item) in all.enumerated() {
            let state: StepState = offset < done ? .done : offset == running ? .running : .pending
            let start = ago(Double(800 - offset * 60))
            result[item.0, default: []].append(
                StepView(
                    id: item.1, title: item.2, kind: item.3, state: state,
                    startedAt: state == .pending ? nil : start,
                    finishedAt: state == .done
                        ? start.addingTimeInterval(Double(offset) * 3.7 + 0.4) : nil,
                    tries: state == .running ? 7 : 1, statements: item.4, locks: item.5,
                    undo: item.6,
                    estimate: item.3 == "fill"
                        ? StepEstimate(seconds: 95, basis: "1,024 of 12,582 blocks read in 12 ms")
                        : nil))
        }
        return result
    }

    static func base(done: Int, running: Int?, phase: Phase, state: PhaseView.State) -> Snapshot {
        var snapshot = Snapshot(name: "orders-status")
        snapshot.description = "Orders get a checked status column"
        snapshot.operations = ["replace public.orders.status with status_v2 varchar(50)"]
        let steps = steps(upTo: done, running: running)
        snapshot.phases = Phase.allCases.map {
            PhaseView(
                phase: $0, state: $0 < phase ? .done : $0 == phase ? state : .pending,
                steps: steps[$0] ?? [])
        }
        snapshot.state = .running
        snapshot.startedAt = ago(811)
        snapshot.settings.window = MigrationWindow(
            opens: ago(900), closes: now.addingTimeInterval(4320))
        snapshot.engine = EngineView(
            host: "ops1", pid: 4711, isAlive: true, isThis: true, heartbeat: ago(0.3))
        snapshot.server = picture()
        snapshot.worstWaitMilliseconds = 6
        snapshot.checklist = checklist(open: 0)
        snapshot.events = events
        return snapshot
    }

    static func checklist(open: Int) -> [ChecklistView] {
        let items = [
            ChecklistView(
                id: "compatible", text: "Migration is backward compatible", state: .evident,
                evidence: "the plan holds no rename or drop of a live column"),
            ChecklistView(
                id: "rollback", text: "Rollback plan documented", state: .evident,
                evidence: "every step before the purge has its undo"),
            ChecklistView(
                id: "rehearsed", text: "Tested with production-like data volume", state: .checked,
                by: "ada", at: ago(1200)),
            ChecklistView(
                id: "monitored", text: "Monitoring in place for query performance",
                state: .checked, evidence: "pg_stat_statements is there", by: "ada", at: ago(1180)),
            ChecklistView(
                id: "notified", text: "Team notified of migration window", state: .waived,
                by: "ada", at: ago(1170), reason: "nobody else is on call"),
        ]
        return items.enumerated().map { offset, item in
            guard offset >= items.count - open else { return item }
            var item = item
            item.state = .open
            item.by = nil
            item.at = nil
            item.reason = nil
            return item
        }
    }

    static let events: [EventView] = [
        EventView(at: ago(811), kind: "phase_started", text: "Expand started", by: "ada@ops1"),
        EventView(
            at: ago(790), kind: "lock_wait",
            text: "ACCESS EXCLUSIVE on public.orders: pid 7341 is in the way", by: "engine"),
        EventView(
            at: ago(741), kind: "step_finished", text: "added column status_v2 on try 7, 4 ms",
            by: "engine"),
        EventView(at: ago(740), kind: "phase_finished", text: "Expand done", by: "engine"),
        EventView(at: ago(610), kind: "phase_started", text: "Backfill started", by: "ada@ops1"),
        EventView(
            at: ago(302), kind: "throttled",
            text: "replication lag 12 s is above 10 s: the fill waited 21 s", by: "engine"),
    ]

    /// Before anything runs: two items of the checklist are open.
    static var beginning: Snapshot {
        var snapshot = base(done: 0, running: nil, phase: .expand, state: .waiting)
        snapshot.state = .waiting
        snapshot.waiting = .checklist(["monitored", "notified"])
        snapshot.checklist = checklist(open: 2)
        snapshot.events = []
        snapshot.startedAt = ago(12)
        snapshot.worstWaitMilliseconds = nil
        return snapshot
    }

    static var readyToExpand: Snapshot {
        var snapshot = beginning
        snapshot.checklist = checklist(open: 0)
        snapshot.waiting = .phaseStart(.expand)
        return snapshot
    }

    static let culprit = Session(
        pid: 7341, user: "report", application: "metabase", client: "10.0.3.17",
        state: "idle in transaction", waitEventType: "Client", waitEvent: "ClientRead",
        transactionAge: 754, stateAge: 741,
        query: "SELECT o.*, c.name\n  FROM orders o JOIN customers c ON c.id = o.customer_id")

    /// The first ALTER can't have its lock.
    static var blocked: Snapshot {
        var snapshot = base(done: 1, running: 1, phase: .expand, state: .running)
        snapshot.lockRequest = LockRequestView(
            step: "1.expand.add-column", lock: "ACCESS EXCLUSIVE", table: "public.orders",
            attempt: 7, budgetMilliseconds: 100, since: ago(48), isQueued: true,
            blockers: [
                Blocker(
                    pid: 7341, user: "report", application: "metabase",
                    state: "idle in transaction", ageSeconds: 754, lock: "ACCESS SHARE",
                    query: culprit.query)
            ], queued: [8123, 8124, 8130])
        let update = "UPDATE orders SET status = 'paid' WHERE id = $1"
        snapshot.server = picture(
            sessions: [
                culprit,
                Session(
                    pid: 8001, user: "migrator", application: "lockkeeper", state: "active",
                    waitEventType: "Lock", waitEvent: "relation", transactionAge: 0.08,
                    stateAge: 0.08, waitAge: 0.07,
                    query: "ALTER TABLE public.orders ADD COLUMN status_v2 varchar(50)",
                    isOurs: true),
                Session(
                    pid: 8123, user: "app", application: "shop-web", state: "active",
                    waitAge: 0.06, query: update),
                Session(
                    pid: 8124, user: "app", application: "shop-web", state: "active",
                    waitAge: 0.05, query: update),
                Session(
                    pid: 8130, user: "app", application: "shop-worker", state: "active",
                    waitAge: 0.02, query: "SELECT * FROM orders WHERE id = $1 FOR UPDATE"),
                Session(
                    pid: 6020, user: "etl", application: "psql", state: "active",
                    transactionAge: 1920, stateAge: 1920, query: "COPY events TO STDOUT"),
            ],
            waits: [
                LockWait(
                    pid: 8001, blockedBy: [7341], mode: "ACCESS EXCLUSIVE",
                    target: "public.orders", age: 0.07),
                LockWait(
                    pid: 8123, blockedBy: [8001], mode: "ROW EXCLUSIVE", target: "public.orders",
                    age: 0.06),
                LockWait(
                    pid: 8124, blockedBy: [8001], mode: "ROW EXCLUSIVE", target: "public.orders",
                    age: 0.05),
                LockWait(
                    pid: 8130, blockedBy: [8001], mode: "ROW SHARE", target: "public.orders",
                    age: 0.02),
            ])
        snapshot.events = Array(events.prefix(2))
        return snapshot
    }

    static var backfill: Snapshot {
        var snapshot = base(done: 3, running: 3, phase: .backfill, state: .running)
        snapshot.progress = [
            ProgressView(
                id: "1.expand.probe", title: "evaluate up over public.orders",
                table: "public.orders", state: .done, done: 12_582, total: 12_582,
                rows: 1_000_000),
            ProgressView(
                id: "1.backfill.fill", title: "fill public.orders.status_v2",
                table: "public.orders", state: .running, done: 5_300, total: 12_582,
                rows: 421_204, rowsPerSecond: 81_204, batchMilliseconds: 98, batchSize: 130,
                etaSeconds: 92, etaBasis: "from the last 30 s", skipped: 3),
            ProgressView(
                id: "1.switch.compare", title: "compare status and status_v2",
                table: "public.orders", state: .pending, done: 0, total: 12_582, rows: 0),
        ]
        snapshot.gauges = [
            GaugeView(
                id: "replication_lag db2", title: "lag db2", value: 0.42, limit: 10,
                unit: .seconds),
            GaugeView(
                id: "lock_waiters", title: "waiters", value: 0, limit: 0, unit: .count),
            GaugeView(
                id: "wal_rate", title: "WAL", value: 3_141_592, limit: 20_000_000,
                unit: .bytesPerSecond),
        ]
        snapshot.rollbacks = [
            RollbackOffer(
                to: .expand, keeps: ["status_v2 stays, without its sync."],
                steps: [
                    undoStep(
                        "1.migrate.trigger.drop", "drop the sync trigger",
                        "DROP TRIGGER zz_lk_sync ON public.orders")
                ]),
            RollbackOffer(
                to: nil,
                keeps: [
                    "Every write of either version is kept in status.",
                    "What the fill wrote into status_v2 is dropped with the column.",
                ],
                steps: [
                    undoStep(
                        "1.migrate.trigger.drop", "drop the sync trigger",
                        "DROP TRIGGER zz_lk_sync ON public.orders"),
                    undoStep(
                        "1.expand.add-column.drop", "drop column status_v2 of public.orders",
                        "ALTER TABLE public.orders DROP COLUMN status_v2"),
                ]),
        ]
        return snapshot
    }

    static func undoStep(_ id: String, _ title: String, _ sql: String) -> StepView {
        StepView(
            id: id, title: title, kind: "transaction", state: .pending, statements: [sql],
            locks: ["ACCESS EXCLUSIVE on public.orders"])
    }

    /// Everything is being undone; an operator has paused it after the first step.
    static var rollingBack: Snapshot {
        var snapshot = backfill
        snapshot.direction = .back(to: nil)
        snapshot.state = .paused
        snapshot.waiting = .paused(by: "ada")
        snapshot.progress = []
        snapshot.undo = [
            undoStep(
                "1.backfill.fill.undo", "empty status_v2",
                "UPDATE public.orders SET status_v2 = NULL"),
            undoStep(
                "1.migrate.trigger.drop", "drop the sync trigger",
                "DROP TRIGGER zz_lk_sync ON public.orders"),
            undoStep(
                "1.expand.add-column.drop", "drop column status_v2 of public.orders",
                "ALTER TABLE public.orders DROP COLUMN status_v2"),
        ]
        snapshot.undo[0].state = .done
        snapshot.undo[0].startedAt = ago(9)
        snapshot.undo[0].finishedAt = ago(5)
        snapshot.rollbacks = []
        return snapshot
    }

    /// The comparison before the switch has found rows.
    static var differing: Snapshot {
        var snapshot = base(done: 5, running: 5, phase: .switch, state: .failed)
        let message = "2 of 1000000 rows of public.orders differ between the sides."
        snapshot.state = .failed
        snapshot.alert = message
        snapshot.phases[3].steps[0].state = .failed
        snapshot.phases[3].steps[0].error = message
        snapshot.events.append(
            EventView(
                at: ago(2), kind: "step_failed", text: message, by: "engine",
                step: "1.switch.compare",
                fields: [
                    "rows_found": .array([
                        .object([
                            "key": .string("id=7"), "row": .string("status=paid, status_v2=NULL"),
                        ]),
                        .object([
                            "key": .string("id=9"), "row": .string("status=new, status_v2=lost"),
                        ]),
                    ])
                ]))
        return snapshot
    }

    static var throttled: Snapshot {
        var snapshot = backfill
        snapshot.progress[1].pauseReason = "replication lag of db2 is 12 s, the limit is 10 s"
        snapshot.progress[1].rowsPerSecond = 0
        snapshot.gauges[0].value = 12
        snapshot.progress[1].etaSeconds = nil
        snapshot.forecast = Forecast(seconds: 5400)
        return snapshot
    }

    static var gate: Snapshot {
        var snapshot = backfill
        snapshot.phases = base(done: 6, running: nil, phase: .switch, state: .waiting).phases
        snapshot.state = .waiting
        snapshot.progress = []
        snapshot.waiting = .gate(
            GateView(
                id: "1.switch", text: "Deploy the version that uses status_v2",
                approvalsNeeded: 2, approvedBy: ["ada"],
                evidence: [
                    EvidenceView(
                        title: "statements in pg_stat_statements that name status only",
                        findings: ["UPDATE orders SET status = $1 WHERE id = $2"]),
                    EvidenceView(title: "views that name status", findings: []),
                    EvidenceView(
                        title: "functions that name status", findings: [],
                        unavailable: "pg_proc of schema billing is not readable"),
                ], askedAt: ago(3)))
        return snapshot
    }

    /// The gate, before its evidence is there.
    static var gateOpening: Snapshot {
        var snapshot = gate
        snapshot.waiting = .gate(
            GateView(id: "1.switch", text: "Deploy the version that uses status_v2"))
        return snapshot
    }

    static var quarantined: Snapshot {
        var snapshot = backfill
        snapshot.phases = base(done: 9, running: nil, phase: .contract, state: .waiting).phases
        snapshot.state = .quarantined
        snapshot.progress = []
        snapshot.waiting = .quarantine(until: now.addingTimeInterval(82_000))
        snapshot.purge = PurgeOffer(
            steps: [
                undoStep(
                    "1.contract.purge", "drop status",
                    "ALTER TABLE public.orders DROP COLUMN lk_5f21")
            ],
            loses: ["The old column status and what it held."], from: now.addingTimeInterval(82_000)
        )
        return snapshot
    }

    static var purgeable: Snapshot {
        var snapshot = quarantined
        snapshot.waiting = .purge
        snapshot.purge?.from = nil
        return snapshot
    }

    static var finished: Snapshot {
        var snapshot = base(done: 10, running: nil, phase: .contract, state: .done)
        snapshot.state = .finished
        snapshot.events.append(
            EventView(at: ago(1), kind: "finished", text: "orders-status is finished", by: "engine")
        )
        return snapshot
    }

    static var lost: Snapshot {
        var snapshot = backfill
        snapshot.serverTrouble =
            "could not connect to server: Connection refused\n\tIs the server running?"
        return snapshot
    }
}
