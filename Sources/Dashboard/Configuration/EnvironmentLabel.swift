import Foundation
import Migration
import Monitor

/// What an operator calls a server, so that nobody takes one for another: `production`.
public struct EnvironmentLabel: Sendable, Equatable {
    enum Color: String, Sendable, CaseIterable { case danger, warning, ok, muted }

    var label: String
    /// With `*` for any text; nil: any.
    var host: String?
    var database: String?
    var color: Color

    func fits(_ server: ServerIdentity) -> Bool {
        (host.map { Self.fits($0, server.host) || Self.fits($0, Self.withoutPort(server.host)) }
            ?? true) && (database.map { Self.fits($0, server.database) } ?? true)
    }

    private static func withoutPort(_ address: String) -> String {
        guard let colon = address.lastIndex(of: ":") else { return address }
        return String(address[..<colon])
    }

    /// Host names know no case; of databases that differ in case alone both are meant.
    private static func fits(_ pattern: String, _ text: String) -> Bool {
        var rest = text.lowercased()[...]
        let parts = pattern.lowercased().split(separator: "*", omittingEmptySubsequences: false)
        for (number, part) in parts.enumerated() {
            if number == 0 {
                guard rest.hasPrefix(part) else { return false }
                rest = rest.dropFirst(part.count)
            } else if number == parts.count - 1 {
                guard rest.hasSuffix(part) else { return false }
                rest = ""
            } else if let found = rest.range(of: part), !part.isEmpty {
                rest = rest[found.upperBound...]
            } else if !part.isEmpty {
                return false
            }
        }
        return parts.count > 1 || rest.isEmpty
    }
}

extension Model {
    /// What this server is called, once it has been seen.
    var environment: StyledText? {
        guard let server = snapshot?.server?.server,
            let label = environments.first(where: { $0.fits(server) })
        else { return nil }
        let role: Role =
            switch label.color {
            case .danger: .alert
            case .warning: .warning
            case .ok: .ok
            case .muted: .muted
            }
        return StyledText(" \(DisplayText.singleLine(label.label)) ", role, bold: true)
            + StyledText(" ")
    }
}
