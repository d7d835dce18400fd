import Migration
import Postgres
extension StepAction {
    var kindName: String { "x" }
    var statements: [SQL] { [] }
    var locks: [TableLock] { [] }
}
enum FactsReader { static func read(_ q: Questions, on c: Connection) async throws -> Facts { throw CancellationError() } }
