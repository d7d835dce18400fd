import Foundation
import Postgres
import Testing

/// Names, texts and queries with line ends and escapes in them: whatever the program prints of them
/// stays on its line, so that it can't be taken for one of the program's own, and drives no terminal.
@Suite("A line that somebody forges", .serialized)
struct ForgedLinesTests {
    private static let spec = #"""
        name: orders-status
        description: "Orders get a status\nFORGED description \e[2J"
        operations:
          - replace_column:
              table: orders
              column: status
              with: {name: "s\nFORGED name \e[2J", type: varchar(50)}
              up: upper(status)
              down: "lower(\"s\nFORGED name \e[2J\")"
              unrepresentable: reject
        gates:
          1.switch: "Deploy it\n  next: FORGED gate \u202e"
        checklist:
          - {id: told, text: "Team told\nFORGED item"}
        """#

    /// Lines that begin with what was forged, less than four blanks in: deeper stand statements, which
    /// are printed to the letter. And whatever is left of the escapes.
    private func expectNothingForged(
        _ ended: Ended, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let said = ended.output + ended.errors
        let forged = said.split(separator: "\n").filter { line in
            line.contains(#/^ {0,3}(?:next: |[-*#] )?FORGED/#)
        }
        #expect(forged == [], "\(ended)", sourceLocation: sourceLocation)
        let driving = said.unicodeScalars.filter {
            ($0.value < 0x20 && $0 != "\n") || (0x7F...0x9F).contains($0.value) || $0 == "\u{202E}"
        }
        #expect(driving.isEmpty, "\(said.debugDescription)", sourceLocation: sourceLocation)
        for word in words {
            #expect(said.contains(word), "\(ended)", sourceLocation: sourceLocation)
        }
    }

    @Test("in a spec stays text in every command's output")
    func spec() async throws {
        let place = try await Workplace.make(rows: 50)
        _ = try place.folder.file("orders-status.yaml", Self.spec)
        expectNothingForged(try await place.run("plan", place.spec), "␊FORGED name")
        expectNothingForged(try await place.run("check", place.spec))
        expectNothingForged(try await place.run("run", place.spec, "--headless"), "told")
        let atGate = try await place.run(
            "run", place.spec, "--headless", "--waive", "told=nobody\nFORGED reason")
        #expect(atGate.code == 3, "\(atGate)")
        expectNothingForged(atGate, "␊  next: FORGED gate")
        let status = try await place.run("status")
        expectNothingForged(status, "␊  next: FORGED gate", "\n  next: lockkeeper advance")
        expectNothingForged(try await place.run("history"), "␊FORGED")
        for format in ["json", "markdown"] {
            expectNothingForged(try await place.run("history", "--format", format), "FORGED")
        }
        expectNothingForged(try await place.run("doctor"))
        expectNothingForged(
            try await place.run("rollback", "orders-status", "--yes", "nobody"), "␊FORGED name")
        let resumed = try await place.run(
            "run", place.spec, "--headless", "--approve", "all", "--format", "json")
        #expect(resumed.code == 3, "\(resumed)")
        expectNothingForged(resumed)
        expectNothingForged(
            try await place.run("purge", "orders-status", "--yes", "nobody"))
    }

    @Test("in a refusal, or in the database, stays text too")
    func database() async throws {
        let place = try await Workplace.make(rows: 50)
        _ = try place.folder.file(
            "orders-status.yaml", Self.spec.replacing("table: orders", with: #"table: "o\nFORGED""#)
        )
        let refused = try await place.run("plan", place.spec)
        #expect(refused.code == 4, "\(refused)")
        expectNothingForged(refused, "␊FORGED")
        _ = try place.folder.file("orders-status.yaml", #""a\nFORGED \e[2J": 1"#)
        let malformed = try await place.run("plan", place.spec)
        #expect(malformed.code == 64, "\(malformed)")
        expectNothingForged(malformed, "␊FORGED")

        let name = Identifier("x\nFORGED \u{1B}[2J")
        try await place.execute(
            "CREATE TABLE \(name) (a int)",
            "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "CREATE TRIGGER lockkeeper_01234567_1 BEFORE INSERT ON \(name) FOR EACH ROW EXECUTE FUNCTION nothing()"
        )
        let doctor = try await place.run("doctor")
        #expect(doctor.code == 4, "\(doctor)")
        expectNothingForged(doctor, "orphan-trigger", "␊FORGED")

        let holder = try await Connection.open(place.shop.ownerSettings)
        try await holder.run("BEGIN", "LOCK \(name)")
        let waiter = try await Connection.open(place.shop.ownerSettings)
        let waiting = Task { try await waiter.query("SELECT 1 AS \"\nFORGED\" FROM \(name)") }
        let locks = try await waited { () -> Ended? in
            let ended = try await place.run("locks", "--once")
            return ended.output.contains("waits for") ? ended : nil
        }
        expectNothingForged(try #require(locks), "FORGED")
        try await holder.run("COMMIT")
        _ = try await waiting.value
        await holder.close()
        await waiter.close()
    }
}
