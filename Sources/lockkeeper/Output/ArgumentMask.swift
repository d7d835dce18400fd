import Foundation
import Postgres

/// Takes passwords out of what `ps` and `/proc/PID/cmdline` show of this process.
///
/// An argument that is a connection string with a password is written over with stars where the system
/// reads it, as soon as the program has read it itself; somebody who looks in the few milliseconds
/// before sees it. PGPASSWORD and `~/.pgpass` are never there.
enum ArgumentMask {
    /// Call it when `CommandLine.arguments` has been read: where that reads the same memory it would
    /// find the stars.
    static func hidePasswords() {
        for argument in arguments() {
            let text = String(decoding: argument, as: UTF8.self)
            let isOption = text.hasPrefix("--")
            let value = isOption ? text.drop { $0 != "=" }.dropFirst() : text[...]
            guard ConnectionSettings.mayHoldPassword(String(value)) else { continue }
            UnsafeMutableBufferPointer(rebasing: argument.suffix(value.utf8.count)).update(
                repeating: UInt8(ascii: "*"))
        }
    }

    /// Each argument but the program's name, without its NUL, where the system reads it.
    private static func arguments() -> [UnsafeMutableBufferPointer<UInt8>] {
        #if canImport(Darwin)
            return (1..<Int(CommandLine.argc)).compactMap { number in
                CommandLine.unsafeArgv[number].map {
                    let start = UnsafeMutableRawPointer($0).assumingMemoryBound(to: UInt8.self)
                    return UnsafeMutableBufferPointer(start: start, count: strlen($0))
                }
            }
        #else
            guard let block = argumentBlock() else { return [] }
            return block.split(separator: 0, omittingEmptySubsequences: false).dropFirst().map {
                UnsafeMutableBufferPointer(rebasing: $0)
            }
        #endif
    }

    #if !canImport(Darwin)
        /// Swift has a copy of its own. Where the kernel reads is in `/proc/self/stat`, fields 48 and 49
        /// (proc(5)): this process's own stack, which it may write.
        private static func argumentBlock() -> UnsafeMutableBufferPointer<UInt8>? {
            guard let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
                // The name of the program, field 2, may have blanks and brackets in it.
                let name = stat.lastIndex(of: ")")
            else { return nil }
            let fields = stat[name...].split(separator: " ").dropFirst().map(String.init)
            guard fields.count > 46, let start = UInt(fields[45]), let end = UInt(fields[46]),
                end > start, let pointer = UnsafeMutablePointer<UInt8>(bitPattern: start)
            else { return nil }
            return UnsafeMutableBufferPointer(start: pointer, count: Int(end - start))
        }
    #endif
}
