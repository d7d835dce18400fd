import Foundation
import Migration
import Monitor
import Testing

@testable import Engine

@Suite("The throttle")
struct ThrottleTests {
    @Test("nothing above its limit lets the fill go on")
    func goesOn() {
        var throttle = Throttle()
        #expect(throttle.judge(.reading(), ThrottleSettings()) == nil)
    }

    @Test("a replica behind its limit holds the fill, and lets go only well under it")
    func hysteresis() throws {
        var throttle = Throttle()
        let judged = throttle.judge(.reading(lag: 12, behind: 900), ThrottleSettings())
        let hold = try #require(judged)
        #expect(hold.value == 12)
        #expect(hold.limit == 10)
        #expect(hold.reason == "replica standby1 is 12 s behind, limit 10 s")
        #expect(throttle.judge(.reading(lag: 9, behind: 900), ThrottleSettings()) != nil)
        #expect(throttle.judge(.reading(lag: 7, behind: 900), ThrottleSettings()) == nil)
        #expect(throttle.judge(.reading(lag: 9, behind: 900), ThrottleSettings()) == nil)
    }

    @Test("an idle standby that has caught up reports no lag, which is not unreadable")
    func idleStandby() {
        var throttle = Throttle()
        #expect(throttle.judge(.reading(lag: nil, behind: 0), ThrottleSettings()) == nil)
    }

    @Test("a standby whose replay stands still is behind, whatever lag the server reports")
    func pausedReplay() {
        var throttle = Throttle()
        let hold = throttle.judge(.reading(lag: 0.005, behind: 60_000_000), ThrottleSettings())
        #expect(hold?.reason == "replica standby1 is 60 s behind, limit 10 s")
    }

    @Test("a standby that a query there holds up is behind, however little there is to replay")
    func stuckReplay() {
        var throttle = Throttle()
        let readings = Throttle.Readings.reading(lag: 0.005, behind: 400, secondsBehind: 31)
        let hold = throttle.judge(readings, ThrottleSettings())
        #expect(hold?.reason == "replica standby1 is 31 s behind, limit 10 s")
        let locked = Throttle.standby(readings.picture, ThrottleSettings())
        #expect(locked == hold)
        let unread = Throttle.Readings.reading(lag: nil, behind: nil).picture
        #expect(Throttle.standby(unread, ThrottleSettings()) == nil)
    }

    @Test("a slot that keeps more WAL than its limit holds the fill, and lets go well under it")
    func retainedWAL() {
        var throttle = Throttle()
        var settings = ThrottleSettings()
        func reading(_ bytes: Int) -> Throttle.Readings {
            var readings = Throttle.Readings.reading()
            readings.picture?.slots = [
                ReplicationSlot(name: "left", isActive: false, retainedBytes: bytes)
            ]
            return readings
        }
        #expect(throttle.judge(reading(9_000_000), settings) == nil)
        settings.retainedWAL = 1_000_000
        let hold = throttle.judge(reading(1_100_000), settings)
        #expect(
            hold?.reason == "replication slot left keeps 1100000 bytes of WAL, limit 1000000")
        #expect(throttle.judge(reading(900_000), settings) != nil)
        #expect(throttle.judge(reading(700_000), settings) == nil)
    }

    @Test("a signal that can't be read holds the fill")
    func unreadable() {
        var throttle = Throttle()
        #expect(throttle.judge(.reading(lag: nil, behind: nil), ThrottleSettings()) != nil)
        #expect(throttle.judge(.reading(pictureAge: 60), ThrottleSettings())?.signal == "monitor")
        var settings = ThrottleSettings()
        settings.query = "SELECT broken"
        let hold = throttle.judge(.reading(query: .unreadable("no such column")), settings)
        #expect(hold?.reason == "throttle.query can't be asked: no such column")
        settings = ThrottleSettings()
        settings.walRate = 1_000_000
        #expect(throttle.judge(.reading(), settings)?.signal == "wal_rate")
    }

    @Test("a session that waits for us holds the fill")
    func waiters() {
        var throttle = Throttle()
        let hold = throttle.judge(.reading(waiting: 1), ThrottleSettings())
        #expect(hold?.reason == "1 sessions wait for our locks, limit 0")
    }

    @Test("a signal that is switched off holds nothing")
    func off() {
        var throttle = Throttle()
        var settings = ThrottleSettings()
        settings.lockWaiters = nil
        settings.replicationLagSeconds = nil
        #expect(throttle.judge(.reading(lag: 99, behind: 9, waiting: 7), settings) == nil)
    }
}

extension Throttle.Readings {
    static func reading(
        lag: Double? = 0, behind: Int? = 0, secondsBehind: Double? = nil, pictureAge: Double = 0.5,
        waiting: Int = 0,
        query: Throttle.QueryReading? = nil
    ) -> Throttle.Readings {
        let picture = ServerPicture(
            takenAt: .distantPast,
            server: ServerIdentity(
                user: "u", database: "d", host: "h", version: "15.18", isStandby: false),
            replicas: [
                Replica(
                    name: "standby1", state: "streaming", syncState: "async", bytesBehind: behind,
                    replayLag: lag, secondsBehind: secondsBehind)
            ])
        return Throttle.Readings(
            picture: picture, pictureAge: pictureAge, waitingForUs: waiting, query: query)
    }
}
