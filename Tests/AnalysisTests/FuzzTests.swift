import Foundation
import Migration
import Testing

@testable import Analysis

/// Specs and `.sql` files that nobody has written: pieces of valid ones, changed, cut and put together
/// at random. Whatever they say, the judgement ends, and says something or nothing.
@Suite("Files from a fuzzer")
struct FuzzTests {
    /// `LOCKKEEPER_FUZZ="seed=17 count=20000"`; without it a few hundred from a printed seed.
    private static let effort: (seed: UInt64, count: Int) = {
        var effort = (UInt64.random(in: 0...999_999), 400)
        let words = ProcessInfo.processInfo.environment["LOCKKEEPER_FUZZ"] ?? ""
        for word in words.split(separator: " ") {
            let parts = word.split(separator: "=").map(String.init)
            guard parts.count == 2, let number = UInt64(parts[1]) else { continue }
            if parts[0] == "seed" { effort.0 = number }
            if parts[0] == "count" { effort.1 = Int(number) }
        }
        return effort
    }()

    private static let seeds = [
        """
        name: orders-status
        description: &d "a \\u00e9 text"
        operations:
          - replace_column:
              table: orders
              column: status
              with: {name: status_v2, type: varchar(50), nullable: true, check: "status_v2 <> ''"}
              up: upper(status)
              down: lower(status_v2)
          - create_index: {table: "Order Items", columns: [{expression: lower(a || 'x')}], where: b > 5}
          - sql: {phase: expand, up: "CREATE TABLE x (a int)", down: DROP TABLE x}
        settings: {stall_budget: 100ms, backfill: {batch: 50ms, workers: 2}, window: {opens: 2026-11-23T22:00:00Z}}
        checklist:
          - {id: one, text: *d}
        """,
        """
        -- lockkeeper: allow table-rewrite, small
        BEGIN;
        SET lock_timeout = '1s';
        ALTER TABLE orders ADD COLUMN a int DEFAULT random(), DROP COLUMN b CASCADE;
        CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON orders USING btree (lower(x) DESC) WHERE y = E'\\'';
        DO $body$ BEGIN EXECUTE 'ALTER TABLE x ALTER y TYPE bigint'; END $body$;
        COPY orders (a, b) FROM STDIN;
        1\t2
        \\.
        UPDATE orders SET a = (SELECT max(b) FROM other); COMMIT;
        \\set n 5
        SELECT :n, :'n', :"n" /* a /* nested */ comment */;
        """,
    ]

    private static let pieces = [
        "'", "\"", "$$", "$a$", "/*", "*/", "--", ";", "\\", "\0", "\u{FEFF}", "\u{202E}", "é", "🐘",
        "&a ", "*a", "? ", "- ", ": ", "{", "}", "[", "]", "|", ">", "\t", "\n", "((((((((", "::",
        "!!binary ", "%YAML 9.9\n", "---\n", "...\n", "NULL", "1e999", "-9223372036854775809",
        "'; DROP TABLE orders; --", "COPY x FROM STDIN;\n",
    ]

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

    private static func mutated(_ text: String, _ draw: inout SeededRandom) -> String {
        var bytes = Array(text.utf8)
        for _ in 0...Int.random(in: 0..<6, using: &draw) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &draw)
            let length = min(Int.random(in: 1..<40, using: &draw), bytes.count - place)
            switch Int.random(in: 0..<6, using: &draw) {
            case 0: bytes.removeSubrange(place..<place + length)
            case 1: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
            case 2:
                let piece = pieces.randomElement(using: &draw) ?? ""
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

    @Test("specs are read or refused, and .sql files judged, each within seconds")
    func files() {
        let (seed, count) = Self.effort
        var draw = SeededRandom(seed)
        var longest = Duration.zero
        for number in 0..<count {
            let isSpec = number % 2 == 0
            let text = Self.mutated(Self.seeds[number % 2], &draw)
            let began = ContinuousClock.now
            var check = Check()
            let checked = check.judge(text, file: isSpec ? "fuzz.yaml" : "fuzz.sql")
            #expect(checked.hazards.allSatisfy { $0.line >= 1 && $0.column >= 1 })
            longest = max(longest, ContinuousClock.now - began)
            #expect(
                ContinuousClock.now - began < .seconds(20),
                "LOCKKEEPER_FUZZ=\"seed=\(seed)\", file \(number)")
        }
        print("fuzz: \(count) files from seed \(seed), the longest took \(longest)")
    }
}
