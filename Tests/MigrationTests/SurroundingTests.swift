import SQLText
import Testing

@testable import Migration

@Suite("What goes on around a plan")
struct SurroundingTests {
    private static let spec = """
        name: orders-status
        operations:
          - replace_column:
              table: orders
              column: status
              with: {name: status_v2, type: varchar(50)}
              up: status
              down: status_v2
              unrepresentable: reject
        """

    private func hazards(_ change: (inout Surroundings) -> Void) throws -> [Hazard] {
        let spec = try Spec.parse(text: Self.spec, file: "orders-status.yaml")
        var facts = Shop().facts(for: spec)
        let before = try Planner.plan(spec, facts).hazards
        change(&facts.surroundings)
        return try Planner.plan(spec, facts).hazards.filter { !before.contains($0) }
    }

    @Test("a long transaction and a prepared one are named, with what to do")
    func transactions() throws {
        let found = try hazards {
            $0.transactions = [
                OpenTransaction(
                    pid: nil, prepared: "transfer 7", who: "bank", ageSeconds: 90_000),
                OpenTransaction(
                    pid: 4711, prepared: nil, who: "shop, reporting, idle in transaction",
                    ageSeconds: 600),
            ]
        }
        #expect(found.map(\.rule) == ["prepared-transaction", "long-transaction"])
        #expect(found[0].message.contains("'transfer 7' (bank) is open for 1 d 1 h"))
        #expect(found[1].message.contains("pid 4711 (shop, reporting, idle in transaction)"))
        #expect(found[1].message.contains("for 10 min"))
        #expect(found.allSatisfy { $0.safeWay != nil })
    }

    @Test("replicas, slots that nobody reads, and a due freeze are named")
    func replication() throws {
        let found = try hazards {
            $0.replicas = [ReplicaFacts(name: "west", syncState: "sync", bytesBehind: 1 << 30)]
            $0.slots = [
                SlotFacts(name: "gone", isActive: false, retainedBytes: 5 << 30),
                SlotFacts(name: "read", isActive: true, retainedBytes: 5 << 30),
            ]
            $0.dueForFreeze = [QualifiedName("public", "orders")]
        }
        #expect(
            Set(found.map(\.rule)) == [
                "replica-queries", "replica-behind", "inactive-slot", "wraparound-vacuum",
            ])
        #expect(!found.contains { $0.message.contains("slot read") })
        #expect(
            found.contains {
                $0.message.contains("west (sync)") && $0.message.contains("does not report")
            })
        let reporting = try hazards {
            $0.replicas = [
                ReplicaFacts(name: "east", syncState: "async", bytesBehind: 0, snapshotAge: 7)
            ]
        }
        #expect(reporting.contains { $0.message.contains("nothing of the last 7 transactions") })
    }

    @Test("a disk that will be full is foretold; one with room is not worth a word")
    func disk() throws {
        #expect(try hazards { $0.freeBytes = 1 << 40 }.isEmpty)
        let tight = try hazards { $0.freeBytes = 300 << 20 }
        #expect(tight.map(\.rule) == ["disk-space"])
        #expect(tight.map(\.severity) == [.warning])
        let full = try hazards { $0.freeBytes = 10 << 20 }
        #expect(full.map(\.severity) == [.danger])
        #expect(full[0].message.contains("10 MB are free"))
    }
}
