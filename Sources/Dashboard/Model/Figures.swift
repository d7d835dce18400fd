import Foundation
import Migration

/// Numbers as people read them. What is unknown is `–`, never 0.
struct Figures: Sendable {
    let unknown: String
    let timeZone: TimeZone

    init(glyphs: Glyphs = .unicode, timeZone: TimeZone = .current) {
        unknown = glyphs.unknown
        self.timeZone = timeZone
    }

    /// `1,204,331`
    func count(_ value: Int?) -> String {
        guard let value else { return unknown }
        return Numerals.grouped(value)
    }

    func rate(_ value: Double?, _ unit: String) -> String {
        guard let value, value.isFinite else { return "\(unknown) \(unit)/s" }
        return "\(count(Int(value.rounded()))) \(unit)/s"
    }

    /// `42.1 %`; full only when it is.
    func percent(done: Int, total: Int) -> String {
        guard total > 0 else { return "\(unknown) %" }
        if done >= total { return "100 %" }
        let tenths = max(0, done) * 1000 / total
        return "\(tenths / 10).\(tenths % 10) %"
    }

    /// `6 ms`, `1.4 s`, `41 s`, `2 min 4 s`, `1 h 12 min`, `3 d 4 h`
    func duration(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite else { return unknown }
        return Numerals.duration(seconds)
    }

    /// As `duration`, and nothing where nothing is known.
    func text(_ seconds: Double?) -> String { seconds == nil ? "" : duration(seconds) }

    /// `0.4 s`: how old something is; never in milliseconds, which only flicker.
    func age(_ seconds: Double?) -> String {
        guard let seconds, seconds < 9.95 else { return duration(seconds) }
        return Numerals.tenths(max(0, seconds)) + " s"
    }

    func milliseconds(_ value: Double?) -> String {
        guard let value else { return unknown }
        return value < 1 && value > 0 ? "< 1 ms" : duration(value / 1000)
    }

    /// Powers of 1,000, as disks and networks count.
    func bytes(_ value: Double?) -> String {
        guard let value, value.isFinite else { return unknown }
        var rest = value
        for unit in ["B", "kB", "MB", "GB"] {
            if rest < 999.5 {
                return
                    (unit == "B" || rest >= 100 ? "\(Int(rest.rounded()))" : Numerals.tenths(rest))
                    + " \(unit)"
            }
            rest /= 1000
        }
        return Numerals.tenths(rest) + " TB"
    }

    /// `21:04:07` on the operator's clock.
    func time(_ date: Date?) -> String {
        guard let date else { return unknown }
        // Without a calendar: dozens of events are drawn in each frame.
        let seconds =
            Int(date.timeIntervalSince1970.rounded(.down)) + timeZone.secondsFromGMT(for: date)
        let ofDay = ((seconds % 86400) + 86400) % 86400
        return "\(two(ofDay / 3600)):\(two(ofDay / 60 % 60)):\(two(ofDay % 60))"
    }

    /// `02:00`, with the date where it is not today.
    func moment(_ date: Date?, now: Date) -> String {
        guard let date else { return unknown }
        let (there, here) = (parts(date), parts(now))
        let clock = "\(two(there.hour ?? 0)):\(two(there.minute ?? 0))"
        if there.day == here.day, there.month == here.month, there.year == here.year {
            return clock
        }
        return "\(there.year ?? 0)-\(two(there.month ?? 0))-\(two(there.day ?? 0)) \(clock)"
    }

    /// `02:00 (01:00 UTC)`, with the date where it is a day off or more; once where the clock is UTC.
    func clocks(_ date: Date, now: Date) -> String {
        let utc = Figures(timeZone: .gmt)
        let isFar = abs(date.timeIntervalSince(now)) >= 86400
        func clock(_ figures: Figures, withDate: Bool) -> String {
            figures.moment(date, now: withDate ? .distantPast : date)
        }
        guard timeZone.secondsFromGMT(for: date) != 0 else {
            return clock(utc, withDate: isFar) + " UTC"
        }
        return "\(clock(self, withDate: isFar)) (\(clock(utc, withDate: false)) UTC)"
    }

    private func parts(_ date: Date) -> DateComponents {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = timeZone
        return calendar.dateComponents(
            [.year, .month, .day, .hour, .minute, .second], from: date)
    }

    private func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
