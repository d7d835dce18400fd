import Foundation

/// Files that nobody has written: pieces of valid ones, changed, cut and put together at random. Each
/// comes from a seed of its own, so that one alone can be made again.
///
/// `LOCKKEEPER_FUZZ="seed=17 count=20000"` says how many; without it a few hundred from a random seed.
/// Before a file is judged it lies in the temporary folder, under the name that is printed first: after
/// a crash or a hang it is still there.
public struct Fuzzer {
    /// What became of one file.
    public enum Verdict: Equatable {
        case taken
        case refused
        /// Neither in order, and why.
        case wrong(String)
    }

    private let kind: String
    private let corpus: [String]
    private let seed: UInt64
    private let count: Int

    /// - Parameters:
    ///   - kind: what the files are, for what is printed: `themes`.
    ///   - corpus: valid ones, or nearly so.
    ///   - count: how many where nothing is said.
    public init(_ kind: String, from corpus: [String], count: Int = 400) {
        var effort = (seed: UInt64.random(in: 0...999_999_999), count: count)
        let words = ProcessInfo.processInfo.environment["LOCKKEEPER_FUZZ"] ?? ""
        for word in words.split(separator: " ") {
            let parts = word.split(separator: "=").map(String.init)
            guard parts.count == 2, let number = UInt64(parts[1]) else { continue }
            if parts[0] == "seed" { effort.seed = number }
            if parts[0] == "count" { effort.count = Int(number) }
        }
        (self.kind, self.corpus, seed, self.count) = (kind, corpus, effort.seed, effort.count)
    }

    /// Has each file judged; returns, of the first ten that were wrong or took longer than `limit`, the
    /// reason, the setting that makes the file again, and the file.
    public func run(
        within limit: Duration = .seconds(20), _ judge: (String) throws -> Verdict
    ) throws -> [String] {
        let file = FileManager.default.temporaryDirectory
            .appending(path: "lockkeeper-fuzz-\(kind)-\(getpid())")
        print("fuzz: \(count) \(kind) from seed \(seed), each in \(file.path) while it is judged")
        fflush(nil)
        var wrong: [String] = []
        var (taken, refused) = (0, 0)
        var longest = Duration.zero
        for number in 0..<count {
            let own = seed &+ UInt64(number)
            let text = text(of: own)
            try Data(text.utf8).write(to: file)
            let began = ContinuousClock.now
            var verdict = try judge(text)
            let took = ContinuousClock.now - began
            longest = max(longest, took)
            if took > limit { verdict = .wrong("it took \(took)") }
            switch verdict {
            case .taken: taken += 1
            case .refused: refused += 1
            case .wrong(let reason):
                wrong.append(
                    "\(reason)\nLOCKKEEPER_FUZZ=\"seed=\(own) count=1\"\n\(text.debugDescription)")
            }
        }
        try FileManager.default.removeItem(at: file)
        print(
            "fuzz: \(kind): \(taken) taken, \(refused) refused, \(wrong.count) wrong; the longest took \(longest)"
        )
        return Array(wrong.prefix(10))
    }

    /// A refusal is in order where it says something and its place, both from 1, is in the file or at its
    /// end.
    public static func refusal(_ message: String, line: Int, column: Int, of text: String)
        -> Verdict
    {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).count
        guard line >= 1, column >= 1, line <= lines + 1, !message.isEmpty else {
            return .wrong("refused without a place in the file: \(line):\(column): \(message)")
        }
        return .refused
    }

    private func text(of seed: UInt64) -> String {
        var draw = SeededRandom(seed)
        var bytes = Array((corpus.randomElement(using: &draw) ?? "").utf8)
        for _ in 0...Int.random(in: 0..<6, using: &draw) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &draw)
            let length = min(Int.random(in: 1..<40, using: &draw), bytes.count - place)
            switch Int.random(in: 0..<6, using: &draw) {
            case 0: bytes.removeSubrange(place..<place + length)
            case 1: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
            case 2:
                let piece = Self.pieces.randomElement(using: &draw) ?? ""
                bytes.insert(contentsOf: Array(piece.utf8), at: place)
            case 3: bytes[place] = UInt8.random(in: .min ... .max, using: &draw)
            case 4: bytes.removeLast(bytes.count - place)
            default:
                let slice = Array(bytes[place..<place + length])
                for _ in 0..<30 { bytes.insert(contentsOf: slice, at: place) }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let pieces = [
        "'", "\"", "$$", "$a$", "/*", "*/", "--", ";", "\\", "\0", "\u{FEFF}", "\u{202E}",
        "\u{1B}[2J",
        "\"\\e[2J\\n\"", "\u{85}", "é", "🐘", "&a ", "*a", "? ", "- ", ": ", "{", "}", "[", "]", "|",
        ">", "\t", "\n", "\r", "((((((((", "::", "!!binary ", "%YAML 9.9\n", "---\n", "...\n",
        "NULL",
        "1e999", "-9223372036854775809", "'; DROP TABLE orders; --", "COPY x FROM STDIN;\n",
    ]
}

/// SplitMix64.
private struct SeededRandom: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
