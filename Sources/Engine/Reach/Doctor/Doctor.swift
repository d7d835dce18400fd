import Foundation
import Migration
import Postgres

/// Looks for what should not be there: objects of ours that no unfinished migration needs, and places
/// where the journal and the catalogue disagree. It only reads.
struct Doctor {
    let connection: Connection
    /// The journal's tables that are there; empty without a journal.
    let tables: Set<String>
    /// Those of unfinished migrations that can be read.
    let active: [MigrationRecord]
    /// The sentences about the journal itself, found on the way.
    private let journalAilments: [Ailment]

    /// - Throws: `JournalTooNew`, and whatever the server says.
    static func examine(_ connection: Connection) async throws -> [Ailment] {
        let doctor = try await Doctor(connection)
        var found = doctor.journalAilments
        found += try await doctor.leftovers()
        found += try await doctor.sessions()
        for record in doctor.active { found += try await doctor.disagreements(record) }
        return found
    }

    private init(_ connection: Connection) async throws {
        self.connection = connection
        tables = try await JournalExamination.tables(connection)
        if tables.contains("meta") { _ = try await Journal(connection: connection).isInstalled() }
        (active, journalAilments) = try await JournalExamination(
            connection: connection, tables: tables
        ).examine()
    }

    /// Whether the journal can be asked about migrations at all.
    var hasMigrations: Bool { tables.contains("migrations") }
}

extension Office {
    /// Everything that is amiss, each with its way out. Reads only; takes ACCESS SHARE on catalogues
    /// and on the journal.
    public func examine() async throws -> [Ailment] {
        try await Doctor.examine(connection)
    }

    /// Mends one of them and returns what was done. Strong locks are asked for as a step's are: not
    /// while somebody is in the way, and each try for `stall_budget`'s default at most.
    ///
    /// Throws `ActionRefusal` where there is no such thing, or nothing that a program can mend.
    public func mend(_ id: String) async throws -> String {
        guard let ailment = try await examine().first(where: { $0.id == id }) else {
            throw ActionRefusal(
                "There is nothing with the id \(id) now. `lockkeeper doctor` lists what there is.")
        }
        guard ailment.isFixable else {
            throw ActionRefusal("\(ailment.text) \(ailment.mend)")
        }
        try await Surgery(ailment: ailment, connection: connection).perform()
        if try await examine().contains(where: { $0.id == id }) {
            throw ActionRefusal(
                "The statements ran, and \(id) is still there. `lockkeeper doctor` says more.")
        }
        return "\(id) is mended."
    }
}
