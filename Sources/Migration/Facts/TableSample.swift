import SQLText

/// What it took to read some blocks of a table, spread over it, when the plan was made; of a
/// partitioned one, of its largest partition.
public struct TableSample: Codable, Sendable, Equatable {
    public var table: QualifiedName
    /// Blocks read, and live rows found in them.
    public var blocks: Int
    public var rows: Int
    /// Milliseconds on the server to count the rows, and to evaluate the spec's expressions over them.
    public var readMilliseconds: Double
    public var evaluateMilliseconds: Double

    public init(
        table: QualifiedName, blocks: Int, rows: Int, readMilliseconds: Double,
        evaluateMilliseconds: Double
    ) {
        self.table = table
        self.blocks = blocks
        self.rows = rows
        self.readMilliseconds = readMilliseconds
        self.evaluateMilliseconds = evaluateMilliseconds
    }
}
