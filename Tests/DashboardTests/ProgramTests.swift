import Engine
import Foundation
import Testing

@testable import Dashboard

@Suite struct ProgramTests {
    @Test func `only the newest of several snapshots is drawn`() {
        let mailbox = Mailbox()
        var later = Samples.backfill
        later.progress[1].done = 6_000
        mailbox.post(.snapshot(Samples.backfill, generation: 1))
        mailbox.post(.snapshot(later, generation: 1))
        mailbox.post(.key(.enter))
        mailbox.post(.snapshot(Samples.finished, generation: 1))
        let letters = mailbox.take()
        #expect(letters.count == 3)
        guard case .snapshot(let first, _) = letters.first else {
            Issue.record("the first letter is no snapshot")
            return
        }
        #expect(first.progress[1].done == 6_000)
        #expect(mailbox.take().isEmpty)
    }

    @Test func `a picture asked of a dashboard that has ended is none`() async {
        let remote = DashboardRemote()
        async let early = remote.surface()
        remote.mailbox.close()
        #expect(await early == nil)
        #expect(await remote.surface() == nil)
        #expect(await remote.drawing(rows: 24, columns: 80) == nil)
    }

    @Test func `each way of having no terminal says what to do`() {
        for error in [DashboardError.notATerminal, .noDescription("nonsense")] {
            #expect("\(error)".contains("use --headless"))
        }
    }

    @Test func `the lock tree is as high as it needs to be`() throws {
        let picture = try #require(Samples.blocked.server)
        let lines = lockScreen(picture, columns: 120).plainText.split(separator: "\n")
        #expect(lines.count == 7)
        #expect(lines[0].contains("4 sessions behind pid 7341"))
        #expect(lines[1].contains("idle in transaction"))
    }
}
