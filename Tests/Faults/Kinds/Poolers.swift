import Conformance
import Foundation

/// pgbouncer between the engine and the server.
extension Fault {
    /// In session mode everything works; when the pooler dies that is a lost connection.
    static let sessionPooler = Fault(
        name: "pooler-session",
        prepare: { try await $0.put("session") },
        strike: { await $0.endKept() },
        heal: { try await $0.put("session") },
        missing: noPooler)

    /// In transaction mode session locks do not hold: refused, with the reason.
    static let transactionPooler = Fault(
        name: "pooler-transaction", end: .isRefused("transaction mode"),
        prepare: { try await $0.put("transaction") },
        missing: noPooler)

    private static let noPooler: @Sendable () -> String? = {
        Pooler.program == nil ? "there is no pgbouncer" : nil
    }
}

extension Scene {
    fileprivate func put(_ mode: String) async throws {
        chmod(tap.folder, 0o755)
        chmod(tap.folder + "/.s.PGSQL.5432", 0o777)
        let pooler = try await Pooler.start(mode, before: tap.folder, database: database)
        reroute(pooler.dsn)
        keep(
            Task {
                while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
                await pooler.end()
            })
    }
}
