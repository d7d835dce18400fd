import Foundation
import Migration
import SQLText
import Synchronization

/// Adds up what the workers of a fill do, and tells it: progress for the screen, events for the log.
final class FillTally: Sendable {
    private struct State {
        var sizing = BatchSizing()
        var meter = RateMeter()
        var view: ProgressView
        var vacuumedAt = 0
        /// Blocks of the partitions that are not being walked now.
        var others = (done: 0, total: 0)
        var patience = FillBatch.rowLockWait
        var told = RestsTold()
    }

    private let state: Mutex<State>
    private let context: StepContext
    private let step: StepID
    private let table: String
    private let began = ContinuousClock.now

    init(step: StepID, work: any BatchedWork, context: StepContext) {
        self.step = step
        self.context = context
        table = work.table.quoted
        state = Mutex(
            State(
                view: ProgressView(
                    id: step,
                    title: work.title,
                    table: work.table.quoted, state: .running, done: 0, total: 0)))
    }

    /// Blocks that the next batch takes.
    var nextBlocks: Int { state.withLock { $0.sizing.blocks } }

    /// What a batch should take, milliseconds. A row of it stays locked until its commit: half the
    /// stall budget leaves room for one that takes longer than those before it.
    private var target: Double {
        let settings = context.control.settings
        return min(
            Double(settings.backfill.batchMilliseconds),
            Double(settings.stallBudgetMilliseconds) / 2)
    }

    /// After how long a batch is given up, milliseconds; nil for one that can't be smaller.
    func limit(for range: BlockRange) -> Int? {
        range.count <= BatchSizing.floor ? nil : max(400, Int(target * 4))
    }

    /// How long the next batch waits for a row, milliseconds: longer after each one that met a
    /// contended row, at most a quarter of `deadlock_timeout`.
    var patience: Int { state.withLock { $0.patience } }

    /// A batch was given up; the next ones are smaller, and wait longer for a row.
    func gaveUp(_ range: BlockRange, contended: Bool) {
        state.withLock { state in
            state.sizing.gaveUp(count: range.count)
            if contended { state.patience = min(250, state.patience * 2) }
        }
    }

    /// - Parameter others: the cursors of the table's other partitions.
    func begin(_ record: FillRecord, others: [FillRecord] = []) {
        change { state in
            state.others = (
                others.reduce(0) { $0 + $1.blocksDone }, others.reduce(0) { $0 + $1.blocks }
            )
            state.view.done = record.blocksDone + state.others.done
            state.view.total = record.blocks + state.others.total
            state.view.rows = others.reduce(record.rows) { $0 + $1.rows }
            state.vacuumedAt = record.vacuumedAt
            state.meter.restart()
        }
    }

    func finished(_ range: BlockRange, _ outcome: FillBatch.Outcome) {
        let target = target
        change { state in
            state.patience = FillBatch.rowLockWait
            state.sizing.finished(
                count: range.count, milliseconds: outcome.workMilliseconds, target: target)
            state.view.done += range.count
            state.view.batchMilliseconds = outcome.workMilliseconds
            state.view.batchSize = range.count
            state.view.skipped += outcome.skipped
            add(outcome, to: &state)
        }
        guard context.control.read(\.tellsBatches) else { return }
        let view = state.withLock(\.view)
        context.emit(
            .batch, step, "\(table): \(view.done) of \(view.total) blocks, \(view.rows) rows",
            [
                "table": .string(table), "done": .int(view.done), "total": .int(view.total),
                "unit": .string(view.unit), "rows": .int(view.rows),
                "rows_per_second": JSONValue(view.rowsPerSecond),
                "batch_ms": .double((outcome.workMilliseconds * 10).rounded() / 10),
                "eta_seconds": JSONValue(view.etaSeconds),
            ])
    }

    func revisited(_ outcome: FillBatch.Outcome) {
        change { state in
            state.view.skipped = outcome.skipped
            add(outcome, to: &state)
        }
    }

    private func add(_ outcome: FillBatch.Outcome, to state: inout State) {
        state.view.rows += outcome.rows
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        state.meter.note(at: seconds, blocks: state.view.done, rows: state.view.rows)
        state.view.rowsPerSecond = state.meter.rowsPerSecond
        state.view.etaSeconds = state.meter.eta(done: state.view.done, total: state.view.total)
        state.view.etaBasis = state.meter.basis
    }

    /// Why the fill stands, or nil that it moves again; told once a change of signal, or when one that
    /// couldn't be read can.
    func hold(_ reason: Throttle.Hold?) {
        let isNew = state.withLock { state in
            if state.told.isResting, reason == nil { state.meter.restart() }
            return state.told.isNew(reason)
        }
        change { state in
            state.view.pauseReason = reason?.reason
            if reason != nil {
                state.view.rowsPerSecond = nil
                state.view.etaSeconds = nil
            }
        }
        guard isNew, let reason else { return }
        context.emit(reason, step)
    }

    /// The blocks done, if a VACUUM is due there; the caller then does it.
    func takeVacuum(everyPercent percent: Double, smallest: Int) -> Int? {
        state.withLock { state in
            let total = state.view.total - state.others.total
            let done = state.view.done - state.others.done
            let share = Int(Double(total) * percent / 100)
            guard total >= smallest, share > 0, done - state.vacuumedAt >= share
            else { return nil }
            state.vacuumedAt = done
            return done
        }
    }

    func note(vacuuming: Bool) {
        change {
            $0.view.pauseReason =
                vacuuming ? "VACUUM, so that new row versions reuse the space" : nil
        }
    }

    func finish() {
        change { state in
            state.view.state = .done
            state.view.done = state.view.total
            state.view.pauseReason = nil
            state.view.etaSeconds = nil
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let view = state.withLock { state in
            body(&state)
            return state.view
        }
        context.control.change { $0.progress[step] = view }
    }
}

/// Which rest has been told: each once, until it is for another signal or this one can be read.
struct RestsTold: Sendable {
    private var told: String?

    var isResting: Bool { told != nil }

    mutating func isNew(_ hold: Throttle.Hold?) -> Bool {
        let key = hold.map { $0.value == nil ? "\($0.signal), unread" : $0.signal }
        defer { told = key }
        return told != key
    }
}

extension StepContext {
    func emit(_ hold: Throttle.Hold, _ step: StepID) {
        emit(
            .throttled, step, hold.reason,
            [
                "signal": .string(hold.signal), "value": JSONValue(hold.value),
                "limit": JSONValue(hold.limit), "reason": .string(hold.reason),
            ])
    }
}

extension Throttle.Hold {
    static func tableLocked(_ table: QualifiedName) -> Throttle.Hold {
        Throttle.Hold(
            signal: "table_lock", value: nil, limit: nil,
            reason: "another session has \(table) locked, or waits to lock it; see the lock panel")
    }

    static func contended(_ table: QualifiedName) -> Throttle.Hold {
        Throttle.Hold(
            signal: "trigger_rows", value: nil, limit: nil,
            reason:
                "rows that triggers of \(table) write are locked by other sessions; smaller batches try again"
        )
    }

    static func rowsLocked(_ rows: Int, _ table: QualifiedName) -> Throttle.Hold {
        Throttle.Hold(
            signal: "row_locks", value: Double(rows), limit: 0,
            reason: "\(rows) rows of \(table) are locked by other sessions; they are visited again")
    }
}
