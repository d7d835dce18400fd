import Foundation
import Subprocess

extension SandboxServer {
    /// What `pg_dump` prints of a database, fit to be compared with another dump of it: without the
    /// `\restrict` lines, whose key is another one each time (since the releases of August 2025).
    public func pgDump(
        schemaOnly: Bool, database: String, excludeSchemas: [String] = []
    ) async throws -> String {
        let arguments =
            ["--dbname", dsn(database: database)] + (schemaOnly ? ["--schema-only"] : [])
            + excludeSchemas.flatMap { ["--exclude-schema", $0] }
        let result = try await Subprocess.run(
            .path(.init(binaries.path("pg_dump"))), arguments: .init(arguments),
            output: .string(limit: 64 << 20), error: .string(limit: 1 << 20))
        guard result.terminationStatus.isSuccess else {
            throw SandboxError.dump(result.standardError)
        }
        return result.standardOutput.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("\\restrict") && !$0.hasPrefix("\\unrestrict") }
            .joined(separator: "\n")
    }
}
