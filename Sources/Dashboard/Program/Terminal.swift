import CTerminal

/// Why the dashboard can't be shown, with what to do instead.
public enum DashboardError: Error, Sendable, Equatable, CustomStringConvertible {
    case notATerminal
    case noDescription(String)
    case noCursor(String)
    case alreadyOpen

    public var description: String {
        switch self {
        case .notATerminal:
            "the dashboard needs a terminal on standard input and output; use --headless here"
        case .noDescription(let term):
            "no description of the terminal \"\(term)\" is installed, nor of xterm-256color; "
                + "install ncurses-base, set TERM, or use --headless"
        case .noCursor(let term):
            "a terminal of the kind \"\(term)\" can't place its cursor; set TERM to what it really "
                + "is, or use --headless"
        case .alreadyOpen: "the terminal shows a dashboard already; leave it first"
        }
    }
}

/// The terminal, for the one thread that opened it.
struct Terminal: ~Copyable {
    let depth: ColorDepth
    let isUTF8: Bool
    /// TERM was not known; xterm-256color stands in for it.
    let isFallback: Bool

    init(usesMouse: Bool = false) throws(DashboardError) {
        isUTF8 = lk_locale_is_utf8()
        switch lk_open() {
        case Int32(LK_OPENED): isFallback = false
        case Int32(LK_OPENED_AS_XTERM): isFallback = true
        case Int32(LK_NOT_A_TERMINAL): throw .notATerminal
        case Int32(LK_ALREADY_OPEN): throw .alreadyOpen
        case Int32(LK_NO_CURSOR): throw .noCursor(Self.term)
        default: throw .noDescription(Self.term)
        }
        depth = ColorDepth(colors: Int(lk_colors()), isDirect: lk_has_direct_color())
        if usesMouse { lk_use_mouse() }
    }

    deinit { lk_close() }

    static var term: String { environment("TERM") ?? "" }

    var rows: Int { Int(lk_rows()) }
    var columns: Int { Int(lk_columns()) }

    /// Draws runs of cells; nothing is sent before `flush`.
    func draw(_ runs: [CellRun], theme: Theme, depth: ColorDepth) {
        for run in runs {
            let paint = theme.paint(run.style, depth: depth)
            lk_put(
                Int32(run.row), Int32(run.column), sendable(run.text), Int32(paint.foreground),
                Int32(paint.background), attributes(paint.attributes))
        }
    }

    func flush() { lk_flush() }

    /// What this locale and this C library can show; the rest becomes a question mark of the width
    /// that was reckoned with.
    private func sendable(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        var result = ""
        for glyph in DisplayText.glyphs(text) {
            let base = glyph.text.unicodeScalars.first?.value ?? 0x20
            if base < 0x80 || (isUTF8 && Int(lk_code_point_width(base)) == glyph.width) {
                result += isUTF8 ? glyph.text : String(glyph.text.unicodeScalars.prefix(1))
            } else {
                result += glyph.width == 2 ? "? " : "?"
            }
        }
        return result
    }

    private func attributes(_ attributes: Theme.Attributes) -> UInt32 {
        var result: UInt32 = 0
        if attributes.contains(.bold) { result |= UInt32(LK_BOLD) }
        if attributes.contains(.dim) { result |= UInt32(LK_DIM) }
        if attributes.contains(.underline) { result |= UInt32(LK_UNDERLINE) }
        if attributes.contains(.reverse) { result |= UInt32(LK_REVERSE) }
        if attributes.contains(.italic) { result |= UInt32(LK_ITALIC) }
        return result
    }

    /// All keys that have been typed.
    func keys() -> [Key] {
        var result: [Key] = []
        while true {
            let code = lk_key()
            if code == Int32(LK_KEY_NONE) { return result }
            result.append(Key(code: code))
        }
    }
}

extension Key {
    fileprivate init(code: Int32) {
        switch code {
        case Int32(LK_KEY_UP): self = .up
        case Int32(LK_KEY_DOWN): self = .down
        case Int32(LK_KEY_LEFT): self = .left
        case Int32(LK_KEY_RIGHT): self = .right
        case Int32(LK_KEY_PAGE_UP): self = .pageUp
        case Int32(LK_KEY_PAGE_DOWN): self = .pageDown
        case Int32(LK_KEY_HOME): self = .home
        case Int32(LK_KEY_END): self = .end
        case Int32(LK_KEY_BACKSPACE): self = .backspace
        case Int32(LK_KEY_DELETE): self = .delete
        case Int32(LK_KEY_ENTER): self = .enter
        case Int32(LK_KEY_BACK_TAB): self = .backTab
        case Int32(LK_KEY_CLICK):
            self = .click(row: Int(lk_mouse_row()), column: Int(lk_mouse_column()))
        case Int32(LK_KEY_WHEEL_UP):
            self = .wheel(-1, row: Int(lk_mouse_row()), column: Int(lk_mouse_column()))
        case Int32(LK_KEY_WHEEL_DOWN):
            self = .wheel(1, row: Int(lk_mouse_row()), column: Int(lk_mouse_column()))
        case 9: self = .tab
        case 27: self = .escape
        case 32: self = .space
        case 1...26:
            let letter = Unicode.Scalar(UInt8(code) + 0x60)
            self = .control(Character(letter))
        case 33...:
            guard let scalar = Unicode.Scalar(UInt32(code)) else {
                self = .other
                return
            }
            self = .character(Character(scalar))
        default: self = .other
        }
    }
}
