import Foundation

/// The environment and the numbers of signals, which every C library spells its own way.
func environment(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
}

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

enum SignalNumber {
    static let interrupt = SIGINT
    static let terminate = SIGTERM
    static let hangup = SIGHUP
}
