/// One cell's worth of text: a code point and the marks that combine with it.
struct Glyph: Sendable, Equatable {
    var text: String
    /// 1 or 2 columns.
    var width: Int
}

/// Text made safe to show: what comes out has no control character, no escape, no bidirectional
/// override and nothing of unknown width, whatever the database had in it. Those are shown, not sent:
/// ESC as `␛`, an override as `<U+202E>`.
enum DisplayText {
    static func glyphs(_ text: String, ascii: Bool = false) -> [Glyph] {
        var result: [Glyph] = []
        result.reserveCapacity(text.utf8.count)
        for original in text.unicodeScalars {
            let scalar = ascii ? plain[original] ?? original : original
            if scalar.value >= 0x20 && scalar.value < 0x7F {
                result.append(Glyph(text: plainTexts[Int(scalar.value)], width: 1))
                continue
            }
            switch Width(of: scalar) {
            case .columns(let width):
                result.append(Glyph(text: String(scalar), width: width))
            case .combining:
                // A pile of marks would draw over the neighbours, and ncurses keeps five a cell.
                if let last = result.last, last.text.unicodeScalars.count < 4, last.text != " " {
                    result[result.count - 1].text.unicodeScalars.append(scalar)
                }
            case .ignored:
                continue
            case .control:
                result += ascii ? caret(scalar) : [Glyph(text: picture(scalar), width: 1)]
            case .named:
                let name = "<U+" + hexadecimal(scalar.value) + ">"
                result += name.unicodeScalars.map { Glyph(text: String($0), width: 1) }
            }
        }
        return result
    }

    /// The punctuation that our own words use, for screens of ASCII.
    private static let plain: [Unicode.Scalar: Unicode.Scalar] = [
        "\u{B7}": "-", "\u{2013}": "-", "\u{2026}": "~", "\u{2019}": "'", "\u{2192}": ">",
    ]

    /// The signs of ASCII as texts, by their codes: most of a screen is made of them.
    static let plainTexts: [String] = (0..<0x7F).map { String(Unicode.Scalar(UInt8($0))) }

    /// Whether a text is printable ASCII alone: what it takes is then its length.
    static func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } }

    static func width(_ text: String, ascii: Bool = false) -> Int {
        if isPlain(text) { return text.utf8.count }
        return glyphs(text, ascii: ascii).reduce(0) { $0 + $1.width }
    }

    /// A statement on one line: runs of white space become one space.
    static func singleLine(_ text: String) -> String {
        if isSingleLine(text) { return text }
        var result = ""
        result.reserveCapacity(text.utf8.count)
        var isApart = false
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace {
                isApart = !result.isEmpty
            } else {
                if isApart { result.append(" ") }
                isApart = false
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Whether it is ASCII with single spaces between its words: nothing is to be done to most texts.
    private static func isSingleLine(_ text: String) -> Bool {
        var wasSpace = true
        for byte in text.utf8 {
            guard byte < 0x80, byte >= 0x20 else { return false }
            if byte == 0x20, wasSpace { return false }
            wasSpace = byte == 0x20
        }
        return !wasSpace || text.isEmpty
    }

    private static func picture(_ scalar: Unicode.Scalar) -> String {
        let value = scalar.value == 0x7F ? 0x2421 : 0x2400 + scalar.value
        return Unicode.Scalar(value).map { String($0) } ?? "?"
    }

    /// `^[` for ESC, as `cat -v` has it.
    private static func caret(_ scalar: Unicode.Scalar) -> [Glyph] {
        let letter = Unicode.Scalar(scalar.value ^ 0x40).map { String($0) } ?? "?"
        return [Glyph(text: "^", width: 1), Glyph(text: letter, width: 1)]
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

/// How many columns a code point takes. A table of our own, so that a picture does not depend on the
/// C library or its locale; the terminal compares with both before it sends.
private enum Width {
    case columns(Int)
    case combining
    /// Joins or varies its neighbours without a column of its own.
    case ignored
    /// C0 and DEL, which have pictures.
    case control
    /// What could move or hide text: shown by its number.
    case named

    init(of scalar: Unicode.Scalar) {
        let value = scalar.value
        if value < 0x20 || value == 0x7F {
            self = .control
            return
        }
        // Terminals disagree on the width of joined emoji and of those with a variation selector;
        // without the joiner each stands alone, two columns wide everywhere.
        if value == 0x200D || (0xFE00...0xFE0F).contains(value) || value == 0x00AD {
            self = .ignored
            return
        }
        let properties = scalar.properties
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
            .unassigned:
            self = .named
        case .nonspacingMark, .enclosingMark:
            self = .combining
        default:
            if (0x1160...0x11FF).contains(value) {
                self = .combining
            } else if properties.isEmojiPresentation || Self.isWide(value) {
                self = .columns(2)
            } else {
                self = .columns(1)
            }
        }
    }

    /// Unicode Standard Annex 11, classes W and F, without the emoji, which have a property.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6,
        0x16FE0...0x18CFF, 0x1B000...0x1B2FF, 0x1F200...0x1F2FF, 0x20000...0x3FFFD,
    ]

    private static func isWide(_ value: UInt32) -> Bool {
        value >= 0x1100 && wide.contains { $0.contains(value) }
    }
}
