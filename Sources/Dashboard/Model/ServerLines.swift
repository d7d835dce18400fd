import Engine
import Foundation
import Monitor

/// A row of the server panel: load, a replica, a vacuum, an index build, a right that is missing.
struct ServerLine: Sendable, Equatable, Identifiable {
    var id: String
    var name: String
    var value: StyledText
    /// Everything known of it, for the full screen.
    var facts: [(String, String)] = []

    static func == (left: ServerLine, right: ServerLine) -> Bool {
        left.id == right.id && left.name == right.name && left.value == right.value
            && left.facts.elementsEqual(right.facts, by: ==)
    }
}

extension Model {
    var serverLines: [ServerLine] {
        guard let server = snapshot?.server else { return [] }
        var lines = [
            ServerLine(
                id: "sessions", name: "sessions",
                value: StyledText("\(figures.count(server.activeSessions)) active"),
                facts: gaugeFacts()),
            ServerLine(
                id: "wal", name: "WAL",
                value: StyledText(figures.gauge(server.walRate, .bytesPerSecond)),
                facts: gaugeFacts()),
        ]
        if let oldest = oldestTransaction {
            lines.append(
                ServerLine(
                    id: "oldest", name: "oldest",
                    value: StyledText(
                        "transaction \(figures.duration(oldest.transactionAge)), pid \(oldest.pid)",
                        (oldest.transactionAge ?? 0) > 300 ? .warning : .text),
                    facts: [
                        ("pid", "\(oldest.pid)"), ("user", oldest.user ?? figures.unknown),
                        ("application", oldest.application), ("state", oldest.state ?? ""),
                        ("transaction", figures.duration(oldest.transactionAge)),
                        ("statement", oldest.query ?? "not visible"),
                    ]))
        }
        if server.replicas.isEmpty {
            lines.append(
                ServerLine(
                    id: "replicas", name: "replicas", value: StyledText("none"),
                    facts: [("replicas", "pg_stat_replication has none")]))
        }
        lines += server.replicas.map(line)
        lines += server.vacuums.map(line)
        lines += server.indexBuilds.map(line)
        lines += server.missingRights.map { right in
            ServerLine(
                id: right, name: "not visible", value: StyledText(right, .warning),
                facts: [("missing", right)])
        }
        lines += (snapshot?.watchers ?? []).map { watcher in
            ServerLine(
                id: "watcher \(watcher.by)", name: "watching",
                value: StyledText(watcher.by)
                    + StyledText(", since \(figures.time(watcher.since))", .muted),
                facts: [
                    ("watching", watcher.by),
                    ("since", figures.moment(watcher.since, now: serverNow)),
                ])
        }
        return lines
    }

    /// Of the sessions that are not ours: it holds back VACUUM, and concurrent index builds wait for it.
    var oldestTransaction: Session? {
        snapshot?.server?.sessions.filter { !$0.isOurs && $0.transactionAge != nil }
            .max { ($0.transactionAge ?? 0) < ($1.transactionAge ?? 0) }
    }

    private func gaugeFacts() -> [(String, String)] {
        (snapshot?.gauges ?? []).map { gauge in
            (
                gauge.title,
                figures.gauge(gauge.value, gauge.unit)
                    + (gauge.limit == nil
                        ? ", no limit"
                        : ", the fill waits above "
                            + figures.gauge(gauge.limit, gauge.unit))
            )
        }
    }

    private func line(_ replica: Replica) -> ServerLine {
        let limit = snapshot?.settings.throttle.replicationLagSeconds
        let isCaughtUp = replica.replayLag == nil && replica.bytesBehind == 0
        let isLate = limit.map { (replica.replayLag ?? 0) > $0 } ?? false
        let lag = isCaughtUp ? "caught up" : figures.duration(replica.replayLag)
        let behind = replica.bytesBehind.map { figures.bytes(Double($0)) } ?? figures.unknown
        return ServerLine(
            id: "replica \(replica.name)", name: "replica",
            value: StyledText("\(replica.name) ") + StyledText(lag, isLate ? .warning : .ok)
                + StyledText(" \(behind) behind, \(replica.state), \(replica.syncState)", .muted),
            facts: [
                ("name", replica.name), ("state", replica.state), ("sync", replica.syncState),
                ("lag", lag), ("behind", behind),
                ("limit", limit.map { figures.duration($0) } ?? "none"),
            ])
    }

    private func line(_ vacuum: VacuumProgress) -> ServerLine {
        let share = figures.percent(done: vacuum.done, total: vacuum.total)
        return ServerLine(
            id: "vacuum \(vacuum.pid)", name: vacuum.isAutovacuum ? "autovacuum" : "vacuum",
            value: StyledText("\(vacuum.table) ") + StyledText("\(vacuum.phase) \(share)", .muted),
            facts: [
                ("table", vacuum.table), ("pid", "\(vacuum.pid)"), ("phase", vacuum.phase),
                (
                    "blocks",
                    "\(figures.count(vacuum.done)) of \(figures.count(vacuum.total)), \(share)"
                ),
            ])
    }

    private func line(_ build: IndexBuildProgress) -> ServerLine {
        let blocked = build.waitsFor.map { ", waits for pid \($0)" } ?? ""
        return ServerLine(
            id: "build \(build.pid)", name: "index",
            value: StyledText(build.index + " ")
                + StyledText(build.phase + blocked, build.waitsFor == nil ? .muted : .warning),
            facts: [
                ("index", build.index), ("table", build.table), ("pid", "\(build.pid)"),
                ("phase", build.phase),
                (build.unit, "\(figures.count(build.done)) of \(figures.count(build.total))"),
                ("waits for", build.waitsFor.map { "pid \($0)" } ?? "nobody"),
            ])
    }
}
