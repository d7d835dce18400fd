/// The word that was meant, for a misspelt one.
enum Suggestion {
    /// The nearest candidate, if it is near enough to be a slip of the fingers: at most a third of
    /// the word's letters differ, and never more than three.
    static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let limit = max(1, min(3, word.count / 3))
        let folded = fold(word)
        let near = candidates.map { (candidate: $0, distance: distance(folded, fold($0))) }
            .filter { $0.distance <= limit }
        return near.min { ($0.distance, $0.candidate) < ($1.distance, $1.candidate) }?.candidate
    }

    static func didYouMean(_ word: String, among candidates: some Sequence<String>) -> String? {
        nearest(to: word, among: candidates).map { "did you mean \"\($0)\"?" }
    }

    private static func fold(_ word: String) -> [Character] {
        word.lowercased().map { $0 == "-" || $0 == " " ? "_" : $0 }
    }

    /// Levenshtein's distance, a transposition of neighbours counted as one.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var best = min(
                    last[column + 1] + 1, current[column] + 1,
                    last[column] + (letter == other ? 0 : 1))
                let isTransposed =
                    row > 0 && column > 0 && letter == right[column - 1]
                    && left[row - 1] == other
                if isTransposed { best = min(best, beforeLast[column - 1] + 1) }
                current.append(best)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
