import Foundation
import Postgres

/// Lists of names come from the server as JSON, which can hold any name.
enum JSONNames {
    /// None for NULL: an aggregate over no row.
    static func decode(_ json: String?) throws -> [String] {
        guard let json else { return [] }
        do {
            return try JSONDecoder().decode([String].self, from: Data(json.utf8))
        } catch {
            throw DecodingFailure(message: "no list of names: \(json)")
        }
    }
}
