import Foundation
import Migration

/// How long a run has stood still for one reason, so that those who are not watching are told.
struct Standstill: Sendable {
    private var since: (reason: String, at: Double)?
    private var isTold = false

    /// The reason that holds at `seconds` of a steady clock, nil where it moves. Gives the sentence for
    /// a pause that has just become a long one, once.
    ///
    /// - Parameter kind: what stays the same while the words about it change with its figures.
    mutating func note(_ kind: String?, _ words: String, at seconds: Double, long: Double)
        -> (text: String, seconds: Double)?
    {
        guard let kind else {
            since = nil
            return nil
        }
        if since?.reason != kind {
            since = (kind, seconds)
            isTold = false
        }
        guard !isTold, let began = since?.at, seconds - began >= long else { return nil }
        isTold = true
        return (
            "Standing still for \(Numerals.duration(seconds - began)): \(words)", seconds - began
        )
    }
}

extension Engine {
    /// Looks whether the running step, or the next one, is being held, and says so when it was long.
    func noteStandstill() {
        let now = ContinuousClock.now - began
        let (kind, words) = reasonToStand
        guard
            let long = standstill.note(
                kind, words, at: now / .seconds(1), long: request.longPauseSeconds)
        else { return }
        control.emit(
            .longPause, step: runningStep, long.text,
            ["seconds": .double(long.seconds.rounded()), "reason": .string(words)])
    }

    /// Says once that the work that is left goes beyond the window's end; again when it had come back.
    func noteForecast() {
        let now = control.serverNow
        let window = control.settings.window
        guard window?.closes != nil, let forecast = builder.forecast,
            let over = forecast.overrun(of: window, now: now)
        else {
            isForecastTold = false
            return
        }
        guard !isForecastTold else { return }
        isForecastTold = true
        let end = now.addingTimeInterval(forecast.seconds)
        control.emit(
            .forecast, step: runningStep,
            "The work that is left takes until \(end.rfc3339), \(Numerals.duration(over)) after the window closes",
            [
                "seconds_left": .double(forecast.seconds.rounded()),
                "seconds_over": .double(over.rounded()),
            ])
    }

    private var reasonToStand: (kind: String?, words: String) {
        if let runningStep, let waits = builder.indexBuild(runningStep)?.pauseReason {
            return ("build", "the index build \(waits)")
        }
        return control.read { state in
            if let by = state.pausedBy, runningStep != nil || decision?.isWork == true {
                return ("operator", "paused by \(by)")
            }
            guard let running = runningStep else { return (nil, "") }
            if let reason = state.progress[running]?.pauseReason { return ("hold", reason) }
            if let request = state.lockRequest {
                let culprits = request.blockers.map { "pid \($0.pid)" }.joined(separator: ", ")
                return (
                    "lock",
                    "\(request.lock) on \(request.table) is not to be had\(culprits.isEmpty ? "" : ", behind \(culprits)")"
                )
            }
            return (nil, "")
        }
    }
}
