/// A five-character SQLSTATE, as the server sends it (PostgreSQL manual, appendix A).
public struct SQLState: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    public var description: String { rawValue }

    public static let lockNotAvailable = SQLState(rawValue: "55P03")
    public static let queryCanceled = SQLState(rawValue: "57014")
    public static let deadlockDetected = SQLState(rawValue: "40P01")
    public static let serializationFailure = SQLState(rawValue: "40001")
    public static let adminShutdown = SQLState(rawValue: "57P01")
    public static let crashShutdown = SQLState(rawValue: "57P02")
    public static let cannotConnectNow = SQLState(rawValue: "57P03")
    public static let idleInTransactionSessionTimeout = SQLState(rawValue: "25P03")
    public static let readOnlyTransaction = SQLState(rawValue: "25006")
    public static let insufficientPrivilege = SQLState(rawValue: "42501")
    public static let undefinedTable = SQLState(rawValue: "42P01")
    public static let undefinedColumn = SQLState(rawValue: "42703")
    public static let undefinedObject = SQLState(rawValue: "42704")
    public static let undefinedFunction = SQLState(rawValue: "42883")
    public static let duplicateObject = SQLState(rawValue: "42710")
    public static let duplicateTable = SQLState(rawValue: "42P07")
    public static let duplicateColumn = SQLState(rawValue: "42701")
    public static let uniqueViolation = SQLState(rawValue: "23505")
    public static let checkViolation = SQLState(rawValue: "23514")
    public static let notNullViolation = SQLState(rawValue: "23502")
    public static let characterNotInRepertoire = SQLState(rawValue: "22021")
    public static let featureNotSupported = SQLState(rawValue: "0A000")
    public static let diskFull = SQLState(rawValue: "53100")
    public static let tooManyConnections = SQLState(rawValue: "53300")
    public static let invalidPassword = SQLState(rawValue: "28P01")
    public static let invalidAuthorization = SQLState(rawValue: "28000")
    public static let invalidCatalogName = SQLState(rawValue: "3D000")

    /// The two-character class, such as `08` (connection exception) or `23` (integrity constraint).
    public var conditionClass: String { String(rawValue.prefix(2)) }
}
