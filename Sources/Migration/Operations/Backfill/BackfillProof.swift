import OrderedCollections
import SQLText

/// Proves that a backfill ends: that its `where` is not true for a row once its `set` is applied.
///
/// Three forms are proven, anything else is not:
/// - `where` reads only columns that `set` gives constants: the server evaluates it over them.
/// - `where` has the term `c IS NULL`, `set` fills `c`: rows whose value would be NULL are left out.
/// - `where` has the term `c IS DISTINCT FROM e`, `set` gives `c` this very `e`, which reads no column
///   that `set` writes, gives the same for the same row, and is stored as it is (no rounding).
struct BackfillProof {
    let table: TableFacts
    let set: OrderedDictionary<String, String>
    let condition: String
    let conditionFacts: ExpressionFacts
    let values: OrderedDictionary<String, ExpressionFacts>
    /// `where` over a row to which `set` was applied and whose other columns are NULL.
    let applied: ExpressionFacts?

    /// What the fill's rows meet; nil where there is no proof.
    var predicate: SQL? {
        let whole = SQL(writtenByUser: condition)
        if isFalseOnceApplied { return whole }
        let terms = ConditionTerms(condition).terms.map(normalized)
        for (column, text) in set {
            let names = [Identifier(column).quoted, Identifier(column).alwaysQuoted]
            for name in names.map(normalized) {
                if terms.contains(normalized("\(name) is null")) {
                    return "(\(whole)) AND (\(SQL(writtenByUser: text))) IS NOT NULL"
                }
                let isSame = [text, "(\(text))"].contains {
                    terms.contains(normalized("\(name) is distinct from \($0)"))
                }
                if isSame, isRepeatable(column) { return whole }
            }
        }
        return nil
    }

    private var isFalseOnceApplied: Bool {
        let constants = values.filter {
            $0.value.columns.isEmpty && !$0.value.isVolatile && !$0.value.isStable
                && !$0.value.hasSubquery
        }
        guard let applied, applied.error == nil,
            Set(conditionFacts.columns).isSubset(of: constants.keys), !conditionFacts.isStable
        else { return false }
        return applied.value == nil || applied.value == "f" || applied.value == "false"
    }

    private func isRepeatable(_ column: String) -> Bool {
        guard let facts = values[column] else { return false }
        let isStoredAsIs =
            table.column(column).map { Representation.fits(facts.type, in: $0.type) } ?? false
        return isStoredAsIs && !facts.isVolatile && !facts.isStable && !facts.hasSubquery
            && Set(facts.columns).isDisjoint(with: set.keys)
    }

    /// Blanks as one, and letters outside quotes as lower case: enough to compare two spellings.
    private func normalized(_ text: String) -> String {
        var result = ""
        var quote: Character?
        for letter in text {
            if letter == quote {
                quote = nil
            } else if quote == nil, letter == "'" || letter == "\"" {
                quote = letter
            }
            if quote == nil, letter.isWhitespace {
                if result.last != " " { result.append(" ") }
            } else {
                result += quote == nil ? letter.lowercased() : String(letter)
            }
        }
        return result.trimmed
    }
}

/// The terms of a condition that all must hold: `a AND b AND (c OR d)` has three.
///
/// Where it can't be told without a parser (OR, BETWEEN, CASE outside parentheses), the whole
/// condition is one term, which proves less and never too much.
struct ConditionTerms {
    let terms: [String]

    init(_ condition: String) {
        let whole = Self.stripped(condition)
        guard let parts = Self.split(whole) else {
            terms = [whole]
            return
        }
        terms = parts.map(Self.stripped)
    }

    private static func split(_ text: String) -> [String]? {
        var terms: [String] = []
        var term = ""
        for (word, isTopLevel) in words(of: text) {
            switch isTopLevel ? word.lowercased() : "" {
            case "or", "between", "case", "any", "all": return nil
            case "and":
                terms.append(term)
                term = ""
            default: term += word
            }
        }
        return terms + [term]
    }

    /// The text cut into words and what stands between them, each with whether it is outside of quotes
    /// and brackets.
    private static func words(of text: String) -> [(String, Bool)] {
        var words: [(String, Bool)] = []
        var depth = 0
        var quote: Character?
        for letter in text {
            let isWord = letter.isLetter || letter.isNumber || letter == "_"
            let isTopLevel = depth == 0 && quote == nil
            if letter == quote {
                quote = nil
            } else if quote == nil {
                if letter == "'" || letter == "\"" { quote = letter }
                if letter == "(" || letter == "[" { depth += 1 }
                if letter == ")" || letter == "]" { depth -= 1 }
            }
            let continues =
                words.last.map { last in
                    last.1 == isTopLevel && isWord
                        && (last.0.last.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false)
                } ?? false
            if continues, let last = words.indices.last {
                words[last].0.append(letter)
            } else {
                words.append((String(letter), isTopLevel))
            }
        }
        return words
    }

    /// Without parentheses that enclose all of it.
    private static func stripped(_ text: String) -> String {
        var text = text.trimmed
        while text.hasPrefix("("), text.hasSuffix(")") {
            var depth = 0
            var enclosesAll = true
            for (offset, letter) in text.enumerated() {
                if letter == "(" { depth += 1 }
                if letter == ")" { depth -= 1 }
                if depth == 0, offset < text.count - 1 { enclosesAll = false }
            }
            guard enclosesAll, !text.contains("'"), !text.contains("\"") else { break }
            text = String(text.dropFirst().dropLast()).trimmed
        }
        return text
    }
}
