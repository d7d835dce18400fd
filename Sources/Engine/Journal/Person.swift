import Foundation

/// Who does something, as far as a database role and an operating system tell.
public struct Person: Sendable, Hashable, Codable, CustomStringConvertible {
    public let databaseUser: String
    public let systemUser: String
    public let host: String

    public init(databaseUser: String, systemUser: String, host: String) {
        self.databaseUser = databaseUser
        self.systemUser = systemUser
        self.host = host
    }

    /// The user and host of this process.
    public static func current(databaseUser: String) -> Person {
        Person(
            databaseUser: databaseUser, systemUser: NSUserName(),
            host: ProcessInfo.processInfo.hostName)
    }

    public var description: String { "\(databaseUser) (\(systemUser)@\(host))" }
}
