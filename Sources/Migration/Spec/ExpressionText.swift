/// Looks at the text of an expression as PostgreSQL's scanner would, far enough to know that it can
/// stand in parentheses inside a statement of ours without changing it.
enum ExpressionText {
    /// What is wrong with it, as the end of a sentence; nil where nothing is.
    static func problem(in text: String) -> String? {
        var scanner = Scanner(text)
        return scanner.run()
    }

    private struct Scanner {
        /// Scalars, as PostgreSQL reads: a quote with a combining mark behind it is a quote.
        private let letters: [Unicode.Scalar]
        private var position = 0
        private var open: [Unicode.Scalar] = []
        private var hasWords = false

        init(_ text: String) { letters = Array(text.unicodeScalars) }

        private func at(_ offset: Int = 0) -> Unicode.Scalar? {
            position + offset < letters.count ? letters[position + offset] : nil
        }

        mutating func run() -> String? {
            while let letter = at() {
                if let problem = step(letter) { return problem }
            }
            if let bracket = open.last { return "has a \"\(bracket)\" that is never closed" }
            return hasWords ? nil : "is empty; give an expression"
        }

        private mutating func step(_ letter: Unicode.Scalar) -> String? {
            switch letter {
            case "'": return quoted("'", escapes: isEscapeString)
            case "\"": return quoted("\"", escapes: false)
            case "$" where isDollarQuote: return dollarQuoted()
            case "-" where at(1) == "-", "/" where at(1) == "*":
                return "has a comment; put it into a YAML comment (#) instead"
            case ";": return "has a \";\"; give one expression, not a statement"
            case "(", "[":
                open.append(letter)
            case ")", "]":
                guard open.popLast() == (letter == ")" ? "(" : "[") else {
                    return "has a \"\(letter)\" that was never opened"
                }
            case let letter where !letter.properties.isWhitespace: hasWords = true
            default: break
            }
            position += 1
            return nil
        }

        private var isEscapeString: Bool {
            guard position > 0, letters[position - 1] == "e" || letters[position - 1] == "E" else {
                return false
            }
            guard position > 1 else { return true }
            let before = letters[position - 2]
            return !before.isOfWord
        }

        private mutating func quoted(_ quote: Unicode.Scalar, escapes: Bool) -> String? {
            hasWords = true
            position += 1
            while let letter = at() {
                position += 1
                if escapes, letter == "\\" {
                    position += 1
                } else if letter == quote {
                    if at() != quote { return nil }
                    position += 1
                }
            }
            return "has a quote (\(quote)) that is never closed"
        }

        /// `$$` or `$tag$`, not a parameter and not inside a word.
        private var isDollarQuote: Bool {
            if position > 0 {
                let before = letters[position - 1]
                if before.isOfWord { return false }
            }
            var offset = 1
            while let letter = at(offset), letter.isOfWord, letter != "$" {
                if offset == 1, letter.isDigit { return false }
                offset += 1
            }
            return at(offset) == "$"
        }

        private mutating func dollarQuoted() -> String? {
            hasWords = true
            var length = 1
            while at(length) != "$" { length += 1 }
            let tag = Array(letters[position...(position + length)])
            position += tag.count
            while position + tag.count <= letters.count {
                if Array(letters[position..<(position + tag.count)]) == tag {
                    position += tag.count
                    return nil
                }
                position += 1
            }
            let shown = String(String.UnicodeScalarView(tag))
            return "has a \(shown) that is never closed"
        }
    }
}

extension Unicode.Scalar {
    fileprivate var isDigit: Bool { ("0"..."9").contains(self) }

    /// Of an unquoted name, as PostgreSQL's scanner has it: letters, digits, `_`, `$`, and all that is
    /// not ASCII.
    fileprivate var isOfWord: Bool {
        isDigit || ("a"..."z").contains(self) || ("A"..."Z").contains(self) || self == "_"
            || self == "$" || !isASCII
    }
}
