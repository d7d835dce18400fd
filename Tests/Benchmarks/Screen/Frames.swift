import Dashboard
import Engine
import Foundation

/// How long a frame of 200 × 50 takes to be built and to be compared with the one before.
struct Frames {
    var whole = Sample()
    /// The model that takes a new snapshot, and the frame after it.
    var withSnapshot = Sample()

    init(_ snapshots: [Snapshot], count: Int) {
        guard let first = snapshots.first else { return }
        var now = Date()
        var model = Model(now: now)
        _ = update(&model, .resized(rows: 50, columns: 200))
        _ = update(&model, .snapshot(first))
        var before = render(model, rows: 50, columns: 200)
        for number in 0..<count {
            now += 1
            _ = update(&model, .tick(now))
            // The selection moves, so that there is something to draw.
            _ = update(&model, .key(number % 20 < 10 ? .down : .up))
            let began = ContinuousClock.now
            let next = render(model, rows: 50, columns: 200)
            let runs = next.runs(since: before)
            whole.add((ContinuousClock.now - began).milliseconds)
            precondition(!runs.isEmpty, "a frame without a change measures nothing")
            before = next
        }
        for number in 0..<count / 4 {
            let began = ContinuousClock.now
            _ = update(&model, .snapshot(snapshots[number % snapshots.count]))
            let next = render(model, rows: 50, columns: 200)
            let runs = next.runs(since: before)
            withSnapshot.add((ContinuousClock.now - began).milliseconds)
            _ = runs
            before = next
        }
    }
}
