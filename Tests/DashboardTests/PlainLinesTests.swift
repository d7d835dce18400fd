import Engine
import Foundation
import Migration
import Testing

@testable import Dashboard

@Suite struct PlainLinesTests {
    @Test func `the first snapshot says where it stands, the same again nothing`() {
        var plain = PlainLines(timeZone: .gmt)
        let first = plain.lines(Samples.backfill)
        #expect(first.first == "22:14:07  orders-status is running")
        #expect(
            first.contains {
                $0.contains("fill public.orders.status_v2: 42.1 %, 421,204 rows, 81,204 rows/s")
            })
        #expect(plain.lines(Samples.backfill) == [])
    }

    @Test func `a change is one line`() {
        var plain = PlainLines(timeZone: .gmt)
        _ = plain.lines(Samples.backfill)
        #expect(
            plain.lines(Samples.throttled) == [
                "22:14:07  it stands: replication lag of db2 is 12 s, the limit is 10 s"
            ])
        #expect(plain.lines(Samples.backfill) == ["22:14:07  it goes on"])
        var further = Samples.backfill
        further.progress[1].done = 6_300
        #expect(plain.lines(further).count == 1)
    }

    @Test func `gates, culprits and a lost server are told`() {
        var plain = PlainLines(timeZone: .gmt)
        _ = plain.lines(Samples.backfill)
        #expect(
            plain.lines(Samples.gate).contains {
                $0.hasSuffix(
                    "waits at gate 1.switch, 1 of 2 approvals: Deploy the version that uses status_v2"
                )
            })
        var blocked = PlainLines(timeZone: .gmt)
        #expect(
            blocked.lines(Samples.blocked).contains("22:14:07  locks: 4 sessions behind pid 7341"))
        #expect(
            plain.lines(Samples.lost).contains {
                $0.contains("the server does not answer: could not connect")
            })
    }

    @Test func `hostile text stays on its line`() {
        var snapshot = Samples.backfill
        snapshot.events.append(
            EventView(
                at: Samples.now, kind: "step_failed", text: "\u{1B}]52;c;QQ==\u{07}\n\u{202E}x",
                by: "engine"))
        var plain = PlainLines(timeZone: .gmt)
        for line in plain.lines(snapshot) {
            #expect(!line.contains("\u{1B}") && !line.contains("\u{202E}") && !line.contains("\n"))
        }
    }
}
