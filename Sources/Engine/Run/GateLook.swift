import Foundation
import Migration
import Postgres

/// What the evidence of the gate at which a migration stands had to say.
struct GateLook: Sendable, Codable {
    /// The gate's id.
    let gate: String
    let views: [EvidenceView]
    /// When it had been asked for.
    let at: Date
    private var next = ContinuousClock.now

    private enum CodingKeys: CodingKey { case gate, views, at }

    /// Evidence changes while somebody waits for it: asked again after five seconds, or after twenty
    /// times as long as it took, so that it is no load.
    var isOld: Bool { ContinuousClock.now >= next }

    init(gate: String, views: [EvidenceView], at: Date) {
        self.gate = gate
        self.views = views
        self.at = at
    }

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
        self.init(gate: gate.id, views: views, at: Date())
        next = ContinuousClock.now + max(.seconds(5), (ContinuousClock.now - began) * 20)
    }

    private static func ask(_ evidence: Evidence, on connection: Connection) async throws
        -> EvidenceView
    {
        try await connection.run("BEGIN READ ONLY", "SET LOCAL statement_timeout = '3s'")
        if let name = evidence.needsExtension {
            // Its schema need not be in the search_path.
            let found = try await connection.query(
                """
                SELECT pg_catalog.set_config('search_path', pg_catalog.format('%I, %s',
                         n.nspname, pg_catalog.current_setting('search_path')), true)
                  FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
                 WHERE e.extname = $1
                """, name
            ).rows
            guard !found.isEmpty else {
                return EvidenceView(
                    title: evidence.title, findings: [],
                    unavailable: "the extension \(name) is not installed")
            }
        }
        let result = try await connection.query(evidence.query)
        try await connection.run("COMMIT")
        func said(_ column: String) throws -> String? {
            guard result.columns.contains(column) else { return nil }
            return try result.rows.first?.optional(column)
        }
        let findings = result.rows.prefix(10).compactMap { $0.values.first ?? nil }
        return EvidenceView(
            title: evidence.title, findings: findings, basis: try said("basis"),
            unavailable: findings.isEmpty ? try said("hidden") : nil)
    }
}
