import Engine
import Foundation
import Migration
import Testing

@testable import Dashboard

@Suite struct ProgressTests {
    @Test func `the rate is remembered second by second, and begins anew with the count`() {
        var history = RateHistory()
        for second in 0...3 {
            history.note(
                rows: second * 1000, at: Samples.now.addingTimeInterval(Double(second)))
            history.note(
                rows: second * 1000 + 500, at: Samples.now.addingTimeInterval(Double(second) + 0.5))
        }
        #expect(history.values == [1000, 1000, 1000])
        history.note(rows: 10, at: Samples.now.addingTimeInterval(9))
        #expect(history.values == [])
        for second in 0..<200 {
            history.note(
                rows: 10 + second, at: Samples.now.addingTimeInterval(10 + Double(second)))
        }
        #expect(history.values.count == RateHistory.length)
    }

    @Test func `a sparkline shows how fast each second was`() {
        var desk = Desk(Samples.backfill)
        for (second, rows) in [1000, 3000, 7000, 7000, 15000].enumerated() {
            desk.send(.tick(Samples.now.addingTimeInterval(Double(second + 1))))
            var next = Samples.backfill
            next.progress[1].rows += rows
            desk.send(.snapshot(next))
        }
        #expect(desk.text().contains("81,204 rows/s ▂▃▅ █ peak 8,000/s"), "\(desk.text())")
        desk.model.glyphs = .ascii
        #expect(desk.text().contains("81,204 rows/s .-+ # peak 8,000/s"), "\(desk.text())")
    }

    @Test func `the end of a fill is set against the window's`() {
        #expect(Desk(Samples.backfill).text().contains("1 h 10 min before the window closes"))
        var late = Samples.backfill
        late.progress[1].etaSeconds = 6000
        #expect(Desk(late).text().contains("28 min after the window closes"))
        late.settings.window = nil
        #expect(!Desk(late).text().contains("the window closes"))
    }

    @Test func `the window stands on both clocks`() throws {
        var desk = Desk(Samples.backfill)
        desk.model.timeZone = try #require(TimeZone(secondsFromGMT: 3600))
        for (columns, words) in [
            (80, "window to 00:26 (23:26 UTC), 1 h 12 min left"),
            (120, "window closes 00:26 (23:26 UTC), in 1 h 12 min"),
        ] {
            #expect(desk.text(rows: 40, columns: columns).contains(words))
        }
        desk.model.timeZone = .gmt
        #expect(desk.text().contains("window closes 23:26 UTC, in 1 h 12 min"))
    }

    @Test func `a gauge without a limit is no gauge, one above it comes first`() {
        var snapshot = Samples.throttled
        snapshot.gauges[1].limit = nil
        snapshot.gauges[2].value = 30_000_000
        snapshot.gauges[0].value = 1
        let line = Desk(snapshot).text().split(separator: "\n").first {
            $0.contains("WAL ██████ 30.0 MB/s of 20.0 MB/s")
        }
        #expect(line?.contains("lag db2") == true, "\(Desk(snapshot).text())")
        #expect(line?.contains("waiters") == false)
    }
}
