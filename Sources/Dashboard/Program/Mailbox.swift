import CTerminal
import Engine
import Synchronization

/// What other threads have for the dashboard's: posted from anywhere, taken by the one that draws.
/// Each post rings the bell that wakes it.
final class Mailbox: Sendable {
    enum Letter: Sendable {
        case snapshot(Snapshot, generation: Int)
        case ended(generation: Int)
        case key(Key)
        case told(String, isTrouble: Bool)
        case answered(Int)
        case client(any MigrationClient)
        case picture(CheckedContinuation<Surface?, Never>)
        case drawing(
            rows: Int, columns: Int, CheckedContinuation<(surface: Surface, theme: Theme)?, Never>)
    }

    private struct State {
        var letters: [Letter] = []
        var isClosed = false
    }

    private let state = Mutex(State())

    func post(_ letter: Letter) {
        let isClosed = state.withLock { state in
            guard !state.isClosed else { return true }
            // Only the newest snapshot counts; one that nobody drew is not drawn late.
            if case .snapshot = letter, case .snapshot = state.letters.last {
                state.letters.removeLast()
            }
            state.letters.append(letter)
            return false
        }
        if isClosed { Self.refuse(letter) } else { lk_ring() }
    }

    func take() -> [Letter] {
        state.withLock { state in
            let letters = state.letters
            state.letters = []
            return letters
        }
    }

    /// Answers those who still wait for a picture, and from now on refuses.
    func close() {
        let letters = state.withLock { state in
            state.isClosed = true
            let letters = state.letters
            state.letters = []
            return letters
        }
        letters.forEach(Self.refuse)
    }

    private static func refuse(_ letter: Letter) {
        switch letter {
        case .picture(let waiting): waiting.resume(returning: nil)
        case .drawing(_, _, let waiting): waiting.resume(returning: nil)
        default: break
        }
    }
}
