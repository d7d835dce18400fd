/// The signs that the screen is drawn with, as data: one set for UTF-8, one for everything else.
public struct Glyphs: Sendable, Equatable {
    var isASCII: Bool
    var ellipsis: String
    var unknown: String
    var dot: String
    /// `waiting` goes on by itself or by the one who paused it; `wanted` only when somebody acts.
    var pending, running, waiting, wanted, done, failed, undone, empty: String
    var open, checked, evident, waived: String
    var ours, prepared, session, request: String
    var pointer: String
    var branch, lastBranch, pipe: String
    /// A full cell of a bar, its eighths from one to seven, and an empty one.
    var barFull: String
    var barParts: [String]
    var barTrack: String
    /// From the lowest to the highest.
    var sparks: [String]
    var arrowUp, arrowDown: String
    var rail: String
    var light: Frame
    var heavy: Frame

    struct Frame: Sendable, Equatable {
        var horizontal, vertical, topLeft, topRight, bottomLeft, bottomRight: String
    }

    public static let unicode = Glyphs(
        isASCII: false, ellipsis: "…", unknown: "–", dot: "·",
        pending: "○", running: "▶", waiting: "◆", wanted: "⚑", done: "✔", failed: "✘", undone: "↶",
        empty: "∅",
        open: "☐", checked: "☑", evident: "✔", waived: "⊘",
        ours: "◈", prepared: "◇", session: "●", request: "⚷",
        pointer: "›", branch: "├─", lastBranch: "└─", pipe: "│ ",
        barFull: "█", barParts: ["▏", "▎", "▍", "▌", "▋", "▊", "▉"], barTrack: "░",
        sparks: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        arrowUp: "↑", arrowDown: "↓", rail: "─",
        light: Frame(
            horizontal: "─", vertical: "│", topLeft: "╭", topRight: "╮", bottomLeft: "╰",
            bottomRight: "╯"),
        heavy: Frame(
            horizontal: "━", vertical: "┃", topLeft: "┏", topRight: "┓", bottomLeft: "┗",
            bottomRight: "┛"))

    public static let ascii = Glyphs(
        isASCII: true, ellipsis: "~", unknown: "-", dot: "-",
        pending: ".", running: ">", waiting: ":", wanted: "?", done: "+", failed: "!", undone: "<",
        empty: "_",
        open: "[ ]", checked: "[x]", evident: "[+]", waived: "[-]",
        ours: "@", prepared: "%", session: "*", request: "&",
        pointer: ">", branch: "|-", lastBranch: "`-", pipe: "| ",
        barFull: "#", barParts: [], barTrack: ".",
        sparks: ["_", ".", "-", "=", "+", "*", "%", "#"],
        arrowUp: "^", arrowDown: "v", rail: "-",
        light: Frame(
            horizontal: "-", vertical: "|", topLeft: "+", topRight: "+", bottomLeft: "+",
            bottomRight: "+"),
        heavy: Frame(
            horizontal: "=", vertical: "|", topLeft: "+", topRight: "+", bottomLeft: "+",
            bottomRight: "+"))
}
