import Foundation
import Migration

/// How much work is left before the quarantine, without what people and locks take.
public struct Forecast: Sendable, Equatable {
    /// From the running fill's own rate where it has one, else from the plan's estimates.
    public var seconds: Double
    /// Steps of which nobody knows how long they take; they are not in `seconds`.
    public var unknown: [StepID]

    public init(seconds: Double, unknown: [StepID] = []) {
        self.seconds = seconds
        self.unknown = unknown
    }

    /// How far the work would go beyond the window's end if it went on at `now`; nil where it would
    /// not, or there is no such end.
    public func overrun(of window: MigrationWindow?, now: Date) -> Double? {
        guard let closes = window?.closes, closes > now else { return nil }
        let over = now.addingTimeInterval(seconds).timeIntervalSince(closes)
        return over > 0 ? over : nil
    }
}

extension SnapshotBuilder {
    /// Nil on the way back, and where nothing is left that anybody could reckon.
    var forecast: Forecast? {
        guard course.direction == .forward else { return nil }
        let left = course.plan.steps.prefix { $0.action != .quarantine && !$0.isPointOfNoReturn }
            .filter { course.state(of: $0.id) != .done }
        guard !left.isEmpty else { return nil }
        var forecast = Forecast(seconds: 0)
        for step in left {
            if let seconds = secondsLeft(of: step) {
                forecast.seconds += seconds
            } else if step.action.scans != nil {
                forecast.unknown.append(step.id)
            }
        }
        return forecast
    }

    private func secondsLeft(of step: Step) -> Double? {
        guard let progress = control.progress[step.id] else { return step.estimate?.seconds }
        if let eta = progress.etaSeconds { return eta }
        guard progress.total > 0 else { return step.estimate?.seconds }
        let share = Double(progress.total - progress.done) / Double(progress.total)
        return step.estimate?.seconds.map { $0 * share }
    }
}
