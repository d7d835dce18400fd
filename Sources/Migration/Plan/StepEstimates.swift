import SQLText

/// How long a step works, once it has its locks.
public struct StepEstimate: Codable, Sendable, Equatable {
    /// Seconds; nil where nothing was measured that it could rest on.
    public let seconds: Double?
    /// What it rests on, in words.
    public let basis: String

    public init(seconds: Double?, basis: String) {
        self.seconds = seconds
        self.basis = basis
    }
}

/// Reckons the time of steps from tables' sizes and what a sample of their rows took to read.
///
/// Reading is measured where the plan is made. Writing can't be, without writing: its cost a row is
/// that of a plain UPDATE on PostgreSQL 15 (two cores, everything cached, 45 to 1,050 bytes a row, none
/// to five indexes: 2 µs, 10.5 ns a byte and 1.3 µs an index, within a fifth), and a fill with a VACUUM
/// after each tenth has 0.85 of an UPDATE's rate.
struct StepEstimates {
    let facts: Facts

    private enum Cost {
        /// Microseconds.
        static let row = 2.0
        static let byte = 0.0105
        static let indexEntry = 1.3
        /// Sorted and written: 0.8 µs a bigint, 1.3 µs a short text.
        static let indexedRow = 1.3
        static let fillWithVacuum = 1 / 0.85
        /// Blocks that ANALYZE looks at with the default statistics target of 100.
        static let analyzedBlocks = 30_000.0
        /// Seconds of a statement that touches the catalogue only; measured 1 to 4 ms.
        static let catalogue = 0.005
    }

    func estimate(_ step: Step) -> StepEstimate { rehearsed(step) ?? estimate(step.action) }

    /// What the step took where it was rehearsed, by the size of its table.
    private func rehearsed(_ step: Step) -> StepEstimate? {
        guard let rehearsal = facts.surroundings.rehearsal, let table = step.action.scans,
            let seconds = rehearsal.seconds[step.id],
            let bytes = facts.tables.values.first(where: { $0.name == table })?.heapBytes,
            let share = rehearsal.share(of: [
                Rehearsal.Table(name: table, rows: nil, bytes: bytes)
            ]), share > 0
        else { return nil }
        let percent = Int((share * 100).rounded(.down))
        return StepEstimate(
            seconds: seconds / share,
            basis:
                "\(Numerals.duration(seconds)) in the rehearsal in \(rehearsal.place), on a table of \(percent) % of this one's size"
        )
    }

    private func estimate(_ action: StepAction) -> StepEstimate {
        switch action {
        case .gate: return StepEstimate(seconds: nil, basis: "as long as people need")
        case .quarantine:
            return StepEstimate(seconds: nil, basis: "the setting \"quarantine\"")
        case .outsideTransaction:
            return StepEstimate(
                seconds: nil, basis: "a statement of the spec's own, which nobody has measured")
        case .fill(let fill): return writing(fill.table) { $0.fill }
        case .copyRows(let copy): return writing(copy.table, whole: true) { $0.fill }
        case .buildIndex(let build): return sorting(build.table) { $0.indexBuild }
        case .buildPartitionedIndex(let build): return sorting(build.table) { $0.indexBuild }
        case .findViolators(let search): return sorting(search.table) { $0.sort }
        case .transaction(let work) where work.rewrites:
            return work.locks.last.map { writing($0.table, whole: true) { $0.rewrite } }
                ?? catalogue
        case .transaction(let work) where work.isAnalyze:
            return work.locks.first.map { reading($0.table) { $0.analyze } } ?? catalogue
        default:
            return action.scans.map { reading($0) { $0.evaluation } } ?? catalogue
        }
    }

    private var catalogue: StepEstimate {
        StepEstimate(seconds: Cost.catalogue, basis: "catalogue only")
    }

    private func reading(
        _ table: QualifiedName, _ seconds: (Reckoning) -> Double
    ) -> StepEstimate {
        guard let reckoning = reckoning(table) else { return unmeasured(table) }
        return StepEstimate(seconds: seconds(reckoning), basis: reckoning.readBasis)
    }

    private func sorting(
        _ table: QualifiedName, _ seconds: (Reckoning) -> Double
    ) -> StepEstimate {
        let estimate = reading(table, seconds)
        guard estimate.seconds != nil else { return estimate }
        return StepEstimate(
            seconds: estimate.seconds,
            basis:
                "\(estimate.basis), and \(Cost.indexedRow) µs a row to sort, as measured elsewhere")
    }

    /// - Parameter whole: with what lies in TOAST, which an UPDATE of other columns leaves where it is.
    private func writing(
        _ table: QualifiedName, whole: Bool = false, _ seconds: (Reckoning) -> Double
    ) -> StepEstimate {
        guard var reckoning = reckoning(table) else { return unmeasured(table) }
        reckoning.writesWhole = whole
        let micros = (reckoning.writeMicroseconds * 10).rounded() / 10
        return StepEstimate(
            seconds: seconds(reckoning),
            basis:
                "\(reckoning.readBasis); one worker that writes each row in \(micros) µs, as an UPDATE took on another machine: a rehearsal knows better"
        )
    }

    private func unmeasured(_ table: QualifiedName) -> StepEstimate {
        StepEstimate(seconds: nil, basis: "\(table) could not be sampled")
    }

    private func reckoning(_ name: QualifiedName) -> Reckoning? {
        guard let table = facts.tables.values.first(where: { $0.name == name }),
            let sample = facts.surroundings.samples.first(where: { $0.table == name })
        else { return nil }
        return Reckoning(
            table: table, sample: sample, blocks: table.heapBytes / facts.server.blockSize)
    }

    /// Seconds of work on one table.
    private struct Reckoning {
        let table: TableFacts
        let sample: TableSample
        let blocks: Int
        var writesWhole = false

        private var share: Double {
            sample.blocks > 0 ? Double(blocks) / Double(sample.blocks) : 1
        }

        private var rows: Double {
            table.knownRows.map(Double.init) ?? Double(sample.rows) * share
        }

        var read: Double { sample.readMilliseconds / 1000 * share }
        var evaluation: Double {
            max(sample.readMilliseconds, sample.evaluateMilliseconds) / 1000 * share
        }

        var sort: Double { evaluation + rows * Cost.indexedRow / 1e6 }

        /// A second pass over the table validates what the first has built.
        var indexBuild: Double { sort + read }

        var analyze: Double { read * min(1, Cost.analyzedBlocks / Double(max(1, blocks))) }

        var writeMicroseconds: Double {
            Cost.row + Cost.byte * Double(writesWhole ? table.rowBytes : table.heapBytes)
                / max(1, rows)
                + Cost.indexEntry * Double(table.indexes.count)
        }

        var rewrite: Double { evaluation + rows * writeMicroseconds / 1e6 }
        var fill: Double { evaluation + rows * writeMicroseconds / 1e6 * Cost.fillWithVacuum }

        var readBasis: String {
            let time = max(sample.readMilliseconds, sample.evaluateMilliseconds)
            return
                "\(Numerals.grouped(sample.blocks)) of \(Numerals.grouped(max(blocks, sample.blocks))) blocks read in \(Numerals.duration(time / 1000))"
        }
    }
}

extension TableFacts {
    /// The heap and its TOAST; of a partitioned table, whose indexes are not measured, the heaps.
    fileprivate var rowBytes: Int {
        isPartitioned
            ? heapBytes : max(heapBytes, totalBytes - indexes.reduce(0) { $0 + $1.bytes })
    }
}

extension TransactionAction {
    fileprivate var isAnalyze: Bool {
        statements.allSatisfy { $0.sql.text.hasPrefix("ANALYZE") }
    }
}
