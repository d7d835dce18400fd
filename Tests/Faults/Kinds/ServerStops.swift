/// The server goes away, and comes back.
extension Fault {
    static let fastStop = Fault(
        name: "server-fast", stage: .ownServer,
        strike: { try await $0.server.restart(mode: .fast) },
        heal: { try await $0.server.boot() })

    static let immediateStop = Fault(
        name: "server-immediate", stage: .ownServer,
        strike: { try await $0.server.restart(mode: .immediate) },
        heal: { try await $0.server.boot() })

    /// SIGKILL of the postmaster and its children.
    static let crash = Fault(
        name: "server-crash", stage: .ownServer,
        strike: {
            try await $0.server.crash()
            try await $0.server.boot()
        },
        heal: { try await $0.server.boot() })
}
