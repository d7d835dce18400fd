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

/// Does the same with each of many, four at a time: a rehearsal waits more than it works. What goes wrong
/// is an issue with the item's name.
func together<Item: Sendable>(
    _ items: [Item], _ body: @escaping @Sendable (Item) async throws -> Void
) async {
    await withTaskGroup(of: Void.self) { group in
        var left = items.makeIterator()
        func next() {
            guard let item = left.next() else { return }
            group.addTask {
                do { try await body(item) } catch { Issue.record("\(item): \(error)") }
            }
        }
        for _ in 0..<4 { next() }
        for await _ in group { next() }
    }
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
