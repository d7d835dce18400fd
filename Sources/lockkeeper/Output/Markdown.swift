import Dashboard

/// Text from elsewhere inside Markdown: it shows as it is, and can't become a link, a heading, HTML,
/// another cell or another line.
enum Markdown {
    static func text(_ text: String) -> String {
        var result = ""
        let letters = Array(text.shownOnOneLine)
        for (place, letter) in letters.enumerated() {
            switch letter {
            case "\\", "`", "*", "<", ">", "[", "]", "|", "~", "&", "$": result += "\\"
            case "_":
                // Inside a word it is no emphasis.
                let isInside =
                    place > 0 && place + 1 < letters.count && isWord(letters[place - 1])
                    && isWord(letters[place + 1])
                if !isInside { result += "\\" }
            case "#", "+", "-", "=": if place == 0 { result += "\\" }
            case ".", ")": if place > 0, letters[..<place].allSatisfy(\.isNumber) { result += "\\" }
            case ":" where place + 2 < letters.count && letters[place + 1] == "/":
                // A bare address would be made a link.
                result += "\\"
            // Alone it would call somebody of that name.
            case "@" where place == 0 || !isWord(letters[place - 1]): result += "\\"
            default: break
            }
            result.append(letter)
        }
        return result
    }

    private static func isWord(_ letter: Character) -> Bool { letter.isLetter || letter.isNumber }

    /// As code, whatever backticks are in it. In a table a bar would end the cell even there.
    static func code(_ text: String, inTable: Bool = false) -> String {
        let shown = text.shownOnOneLine
        var longest = 0
        var run = 0
        for letter in shown {
            run = letter == "`" ? run + 1 : 0
            longest = max(longest, run)
        }
        let fence = String(repeating: "`", count: longest + 1)
        let padding = shown.hasPrefix("`") || shown.hasSuffix("`") || shown.isEmpty ? " " : ""
        let body = inTable ? shown.replacing("|", with: "\\|") : shown
        return fence + padding + body + padding + fence
    }

    static func row(_ cells: String...) -> String {
        "| " + cells.joined(separator: " | ") + " |"
    }
}
