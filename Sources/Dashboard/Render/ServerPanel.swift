import Foundation
import Monitor

extension Painter {
    /// Load, replicas, vacuums and index builds, where there is room to spare.
    mutating func drawServer(_ rectangle: Rectangle) {
        let room = frame(StyledText("Server", .title, bold: true), in: rectangle)
        guard let server = model.snapshot?.server else {
            line(StyledText("no picture yet", .muted), room.row, in: room)
            return
        }
        var lines = [
            StyledText("sessions  ", .muted) + StyledText("\(server.activeSessions) active"),
            StyledText("WAL       ", .muted)
                + StyledText(server.walRate.map { "\(figures.bytes($0))/s" } ?? figures.unknown),
        ]
        if server.replicas.isEmpty {
            lines.append(StyledText("replicas  ", .muted) + StyledText("none"))
        }
        for replica in server.replicas { lines.append(words(replica)) }
        for vacuum in server.vacuums {
            lines.append(
                StyledText(vacuum.isAutovacuum ? "autovacuum" : "vacuum", .muted)
                    + StyledText(" \(vacuum.table) ")
                    + StyledText(
                        "\(vacuum.phase) \(figures.percent(done: vacuum.done, total: vacuum.total))",
                        .muted))
        }
        for build in server.indexBuilds {
            let blocked = build.waitsFor.map { ", waits for pid \($0)" } ?? ""
            lines.append(
                StyledText("index ", .muted) + StyledText(build.index + " ")
                    + StyledText(build.phase + blocked, build.waitsFor == nil ? .muted : .warning))
        }
        for right in server.missingRights {
            lines.append(StyledText("not visible: \(right)", .warning))
        }
        for watcher in model.snapshot?.watchers ?? [] {
            lines.append(
                StyledText("watching  ", .muted) + StyledText(watcher.by)
                    + StyledText(", since \(figures.time(watcher.since))", .muted))
        }
        for (offset, text) in lines.prefix(room.height).enumerated() {
            line(text, room.row + offset, in: room)
        }
    }

    private func words(_ replica: Replica) -> StyledText {
        let limit = model.snapshot?.settings.throttle.replicationLagSeconds
        let isCaughtUp = replica.replayLag == nil && replica.bytesBehind == 0
        let isLate = limit.map { (replica.replayLag ?? 0) > $0 } ?? false
        let lag = isCaughtUp ? "caught up" : figures.duration(replica.replayLag)
        let behind = replica.bytesBehind.map { figures.bytes(Double($0)) } ?? figures.unknown
        return StyledText("replica   ", .muted) + StyledText("\(replica.name) ")
            + StyledText(lag, isLate ? .warning : .ok)
            + StyledText(" \(behind) behind, \(replica.state), \(replica.syncState)", .muted)
    }
}
