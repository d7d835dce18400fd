import Dashboard
import Engine
import Foundation
import Migration

/// Takes the pictures of `screenshots/` from a demo that runs: SVGs of the screen at its best moments.
///
/// Each scene at 120×40 in the demo's theme (`gate.svg`); those of `inEveryLook` also at each size in
/// each theme (`backfill-80x24-daylight.svg`). The terminal's own size does not matter.
actor Camera {
    private static let usual = (rows: 40, columns: 120)
    private static let sizes = [(rows: 24, columns: 80), usual, (rows: 50, columns: 200)]
    private static let inEveryLook: Set<String> = ["lock-wait", "backfill"]

    private let folder: String
    private let remote: DashboardRemote
    private var taken: Set<String> = []

    init(folder: String, remote: DashboardRemote) {
        self.folder = folder
        self.remote = remote
    }

    /// Makes the folder, so that a wrong path is known before the demo begins.
    static func prepare(_ folder: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw UsageError(
                "No pictures can be saved in \(folder): \((error as NSError).localizedDescription)")
        }
    }

    /// Looks at each change: the backfill half way, and the first lock wait.
    func look(_ snapshot: Snapshot) async throws {
        if let request = snapshot.lockRequest, !request.blockers.isEmpty,
            Date().timeIntervalSince(request.since) > 2
        {
            // The keys that act on the session in the way are in the key bar then.
            remote.press(.character("3"))
            try await take("lock-wait")
        }
        if let fill = snapshot.progress.first(where: {
            $0.state == .running && $0.id.hasSuffix("fill")
        }),
            fill.total > 0, (0.55...0.85).contains(Double(fill.done) / Double(fill.total)),
            fill.pauseReason == nil, fill.etaSeconds != nil
        {
            try await take("backfill")
        }
    }

    /// At the gate of the switch the rollback's dialog is opened, looked at, and left.
    func beforeLeaving(_ snapshot: Snapshot) async throws {
        switch snapshot.waiting {
        case .gate(let gate) where gate.id == "1.contract":
            try await take("gate")
            guard !taken.contains("rollback") else { return }
            // The last of the choices: everything, not only to the end of a phase.
            remote.press(.character("R"))
            remote.press(.end)
            remote.press(.enter)
            try await take("rollback")
            remote.press(.escape)
            remote.press(.escape)
        default: break
        }
    }

    func last() async throws { try await take("finished") }

    private func take(_ name: String) async throws {
        guard taken.insert(name).inserted else { return }
        // All of one moment: as fast as they can be had, and written afterwards.
        let sizes = Self.inEveryLook.contains(name) ? Self.sizes : [Self.usual]
        var drawings: [(surface: Surface, theme: Theme)] = []
        for size in sizes {
            guard let drawing = await remote.drawing(rows: size.rows, columns: size.columns) else {
                return
            }
            drawings.append(drawing)
        }
        for (surface, theme) in drawings {
            if (surface.rows, surface.columns) == Self.usual {
                try write(surface, theme, name)
            }
            guard sizes.count > 1 else { continue }
            for theme in Theme.shipped {
                try write(
                    surface, theme, "\(name)-\(surface.columns)x\(surface.rows)-\(theme.name)")
            }
        }
    }

    private func write(_ surface: Surface, _ theme: Theme, _ name: String) throws {
        try surface.svg(theme: theme).write(
            toFile: "\(folder)/\(name).svg", atomically: true, encoding: .utf8)
    }
}
