import Foundation
import Migration
import Postgres

/// What the evidence of the gate at which a migration stands had to say.
struct GateLook: Sendable {
    /// The gate's id.
    let gate: String
    let views: [EvidenceView]
    /// When it had been asked for.
    let at: Date
    private let next: ContinuousClock.Instant

    /// Evidence changes while somebody waits for it: asked again after five seconds, or after twenty
    /// times as long as it took, so that it is no load.
    var isOld: Bool { ContinuousClock.now >= next }

    /// Asks every query in a READ ONLY transaction of its own, for at most three seconds; the locks are
    /// ACCESS SHARE. What can't be asked says why.
    init(at gate: Gate, _ sessions: SessionFactory) async {
        let began = ContinuousClock.now
        var views: [EvidenceView] = []
        for query in gate.evidence {
            do {
                views.append(try await sessions.with { try await Self.ask(query, on: $0) })
            } catch {
                views.append(
                    EvidenceView(title: query.title, findings: [], unavailable: "\(error)"))
            }
        }
        self.gate = gate.id
        self.views = views
        at = Date()
        next = ContinuousClock.now + max(.seconds(5), (ContinuousClock.now - began) * 20)
    }

    private static func ask(_ evidence: Evidence, on connection: Connection) async throws
        -> EvidenceView
    {
        if let name = evidence.needsExtension {
            let there = try await connection.query(
                "SELECT count(*) AS n FROM pg_catalog.pg_extension WHERE extname = $1", name
            ).onlyRow().int("n")
            guard there > 0 else {
                return EvidenceView(
                    title: evidence.title, findings: [],
                    unavailable: "the extension \(name) is not installed")
            }
        }
        try await connection.run("BEGIN READ ONLY", "SET LOCAL statement_timeout = '3s'")
        let rows = try await connection.query(evidence.query).rows
        try await connection.run("COMMIT")
        return EvidenceView(
            title: evidence.title, findings: rows.prefix(10).compactMap { $0.values.first ?? nil },
            basis: try rows.first.flatMap {
                $0.values.count > 1 ? try $0.optional("basis") : nil
            })
    }
}
