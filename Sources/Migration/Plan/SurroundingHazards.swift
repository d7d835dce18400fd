import SQLText

/// What speaks against beginning now, or must be watched: not the plan's fault, but its trouble.
struct SurroundingHazards {
    let steps: [Step]
    let facts: Facts

    private var surroundings: Surroundings { facts.surroundings }

    var all: [Hazard] {
        transactions + replicas + slots + freezes + leftovers + disk
            + surroundings.missingRights.map {
                Hazard(rule: "blind", severity: .warning, message: $0)
            }
    }

    /// Transactions that were open when the plan was made.
    private var transactions: [Hazard] {
        surroundings.transactions.prefix(5).map { transaction in
            let age = Numerals.duration(transaction.ageSeconds)
            if let name = transaction.prepared {
                return Hazard(
                    rule: "prepared-transaction", severity: .warning,
                    message:
                        "Prepared transaction '\(name)' (\(transaction.who)) is open for \(age): it holds its locks over restarts, and concurrent builds wait for it.",
                    safeWay: "Let its owner say COMMIT PREPARED or ROLLBACK PREPARED.")
            }
            let pid = transaction.pid.map { "pid \($0)" } ?? "a session"
            return Hazard(
                rule: "long-transaction", severity: .warning,
                message:
                    "\(pid) (\(transaction.who)) is in its transaction for \(age): concurrent builds and VACUUM wait for it, and so do locks on tables that it has used.",
                safeWay: "Let it end before the window; \"lockkeeper locks\" shows it.")
        }
    }

    private var isStrong: Bool {
        steps.contains { $0.action.locks.contains { $0.mode == .accessExclusive } }
    }

    private var replicas: [Hazard] {
        surroundings.replicas.flatMap { replica -> [Hazard] in
            var hazards: [Hazard] = []
            if isStrong {
                let known =
                    replica.snapshotAge.map {
                        $0 == 0
                            ? "Its oldest query is as new as the newest transaction."
                            : "Its oldest query has seen nothing of the last \($0) transactions."
                    }
                    ?? "It does not report its queries (hot_standby_feedback): look there, in pg_stat_activity, before the window."
                let sync = replica.syncState == "async" ? "" : " (\(replica.syncState))"
                hazards.append(
                    Hazard(
                        rule: "replica-queries", severity: .note,
                        message:
                            "Replica \(replica.name)\(sync) replays each ACCESS EXCLUSIVE too: its long queries on the table delay the replay, or are cancelled by it (max_standby_streaming_delay). \(known)"
                    ))
            }
            if let bytes = replica.bytesBehind, bytes > 64 << 20 {
                hazards.append(
                    Hazard(
                        rule: "replica-behind", severity: .warning,
                        message:
                            "Replica \(replica.name) is \(Numerals.bytes(bytes)) of WAL behind already, and a fill adds to it.",
                        safeWay: "Let it catch up first."))
            }
            return hazards
        }
    }

    private var slots: [Hazard] {
        guard fills.isEmpty == false else { return [] }
        return surroundings.slots.filter { !$0.isActive }.map { slot in
            let kept = slot.retainedBytes.map { ", \(Numerals.bytes($0)) now" } ?? ""
            return Hazard(
                rule: "inactive-slot", severity: .warning,
                message:
                    "Nobody reads replication slot \(slot.name): it keeps all WAL\(kept), and the fill writes much.",
                safeWay: "Start its reader, or drop it: pg_drop_replication_slot.")
        }
    }

    private var freezes: [Hazard] {
        surroundings.dueForFreeze.map { table in
            Hazard(
                rule: "wraparound-vacuum", severity: .warning,
                message:
                    "An autovacuum of \(table) to prevent wraparound is due: it does not yield to a lock request.",
                safeWay: "VACUUM (FREEZE) \(table); before the window.")
        }
    }

    private var leftovers: [Hazard] {
        facts.tables.values.sorted { $0.name < $1.name }.flatMap { table in
            table.indexes.filter { !$0.isValid }.map { index in
                Hazard(
                    rule: "invalid-index", severity: .warning,
                    message:
                        table.isPartitioned
                        ? "Index \(index.name) of \(table.name) is INVALID: not every partition has its index attached to it."
                        : "Index \(index.name) of \(table.name) is INVALID, as a failed build leaves it: no query uses it, and every write pays for it.",
                    safeWay: table.isPartitioned
                        ? "DROP INDEX \(index.name), in a quiet moment: it locks every partition."
                        : "DROP INDEX CONCURRENTLY \(index.name);")
            }
        }
    }

    private var fills: [TableFacts] {
        var seen: Set<QualifiedName> = []
        let tables = Dictionary(
            facts.tables.values.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return steps.compactMap { step in
            guard let table = step.action.batchedWork?.table, seen.insert(table).inserted else {
                return nil
            }
            return tables[table]
        }
    }

    /// Room for new row versions and their index entries, and for the WAL until it is removed. Measured
    /// on PostgreSQL 15 with rows of 200 bytes and three indexes, right after a checkpoint: a table
    /// with its indexes grows by 1.1 times its size without VACUUM (the heap alone by a fifth with the
    /// usual ten), and the WAL is 4 times the heap.
    private var disk: [Hazard] {
        let heap = fills.reduce(0) { $0 + $1.heapBytes }
        guard heap > 0 else { return [] }
        let growth = fills.reduce(0) { $0 + $1.totalBytes * 11 / 10 }
        let text =
            "The fill writes every row once more: at most \(Numerals.bytes(growth)) in tables and indexes, less with VACUUMs between, and about \(Numerals.bytes(heap * 4)) of WAL, kept until it is archived and replicated."
        guard let free = surroundings.freeBytes else {
            return heap < 1 << 30
                ? []
                : [
                    Hazard(
                        rule: "disk-space", severity: .note,
                        message: "\(text) The server's free disk space can't be seen from here.")
                ]
        }
        guard free < growth + heap * 4 else { return [] }
        return [
            Hazard(
                rule: "disk-space", severity: free < heap ? .danger : .warning,
                message: "\(text) \(Numerals.bytes(free)) are free on the server's disk.",
                safeWay: "Make room first.")
        ]
    }
}
