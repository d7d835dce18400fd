import Testing

/// Lets only a few tests of the suites that carry it run at a time: each drives an engine with several
/// sessions and clients beside it, and a server has only so many.
struct FewAtATime: SuiteTrait, TestTrait, TestScoping {
    private static let permits = Permits(4)

    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        // The suite and the test's group of cases are no work of their own.
        guard testCase != nil else { return try await function() }
        await Self.permits.take()
        do {
            try await function()
            await Self.permits.giveBack()
        } catch {
            await Self.permits.giveBack()
            throw error
        }
    }
}

extension Trait where Self == FewAtATime {
    static var fewAtATime: Self { FewAtATime() }
}

private actor Permits {
    private var left: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { left = count }

    func take() async {
        if left > 0 {
            left -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    func giveBack() {
        if waiting.isEmpty { left += 1 } else { waiting.removeFirst().resume() }
    }
}
