import Postgres

/// The shop's application at work: clients of up to three versions at once on the same rows, each
/// at a fixed rate, none of them ever trying anything twice.
///
/// Every error of every statement counts, and so does every row that is not what the client knows
/// it to be. Statements are timed by the phase in which they were sent.
public actor Traffic {
    public struct Options: Sendable {
        /// Clients of each version that is rolled out.
        public var clients: Int
        /// Statements a second of each client.
        public var rate: Double
        /// The same seed draws the same statements, client by client.
        public var seed: UInt64
        /// The phase that is entered first.
        public var phase: String

        public init(
            clients: Int = 4, rate: Double = 50, seed: UInt64 = UInt64.random(in: 1...999_999),
            phase: String = "Before"
        ) {
            self.clients = clients
            self.rate = rate
            self.seed = seed
            self.phase = phase
        }
    }

    private struct Crew {
        let retirement: Retirement
        let clients: [Task<Void, Never>]
    }

    private let shop: Shop
    private let application: Application
    private let options: Options
    let ledger: Ledger
    let recorder: Recorder
    private var crews: [Version: Crew] = [:]
    private var rolledOut = 0
    private var check: Check?

    public init(
        shop: Shop, application: Application = .forPattern("replace-column"),
        options: Options = Options()
    ) {
        self.shop = shop
        self.application = application
        self.options = options
        ledger = Ledger(loaded: shop.rows)
        recorder = Recorder(phase: options.phase)
    }

    public var versions: [Version] { crews.keys.sorted() }

    /// From here on statements count for this phase.
    public nonisolated func enter(phase: String) { recorder.enter(phase) }

    /// Says whether the backfill is through: from then on readers of both sides insist that the
    /// new one is set.
    public nonisolated func expectFilled(_ isFilled: Bool) { ledger.isFilled = isFilled }

    /// Starts the clients of a version, beside those that work already. A version whose columns
    /// are not there yet counts errors.
    public func roll(out version: Version) {
        guard crews[version] == nil else { return }
        let retirement = Retirement()
        let tasks = (0..<options.clients).map { _ in
            rolledOut += 1
            let client = Client(
                version: version, settings: shop.applicationSettings, ledger: ledger,
                recorder: recorder, retirement: retirement, customers: shop.customers,
                interval: .seconds(1) / options.rate,
                random: SplitMix64(seed: options.seed &+ UInt64(rolledOut)))
            return Task {
                var client = client
                await client.run()
            }
        }
        crews[version] = Crew(retirement: retirement, clients: tasks)
    }

    /// Ends the clients of a version; returns when their last statements have been answered and
    /// their sessions are closed.
    public func retire(_ version: Version) async {
        guard let crew = crews.removeValue(forKey: version) else { return }
        crew.retirement.call()
        for client in crew.clients { await client.value }
    }

    /// Carries out what an operator does to the application at one point of a migration.
    public func carryOut(_ moves: [Application.Move]) async {
        for move in moves {
            switch move {
            case .rollOut(let version): roll(out: version)
            case .retire(let version): await retire(version)
            }
        }
    }

    /// Ends all clients.
    public func stop() async {
        for version in versions { await retire(version) }
        recorder.finish()
    }

    /// Compares the whole table with what the clients know; see `Check`. After `stop`.
    public func verify() async throws {
        check = try await Check.run(shop, application, ledger)
    }

    /// What was measured and met so far.
    public func summary() -> Summary {
        Summary(seed: options.seed, recorder: recorder, check: check)
    }
}
