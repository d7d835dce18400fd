/// Lines and blocks as shapes: fonts leave gaps between rows, shapes meet.
enum BoxGlyph {
    /// Weight of the arm to each side: 0 none, 1 light, 2 heavy.
    struct Arms: Sendable {
        var up = 0
        var down = 0
        var left = 0
        var right = 0
        var isRound = false
    }

    static let arms: [String: Arms] = [
        "─": Arms(left: 1, right: 1), "│": Arms(up: 1, down: 1),
        "╭": Arms(down: 1, right: 1, isRound: true), "╮": Arms(down: 1, left: 1, isRound: true),
        "╰": Arms(up: 1, right: 1, isRound: true), "╯": Arms(up: 1, left: 1, isRound: true),
        "├": Arms(up: 1, down: 1, right: 1), "└": Arms(up: 1, right: 1),
        "━": Arms(left: 2, right: 2), "┃": Arms(up: 2, down: 2),
        "┏": Arms(down: 2, right: 2), "┓": Arms(down: 2, left: 2),
        "┗": Arms(up: 2, right: 2), "┛": Arms(up: 2, left: 2),
    ]

    /// The filled share of a cell from its left edge.
    static let blocks: [String: Double] = [
        "█": 1, "▏": 1 / 8, "▎": 2 / 8, "▍": 3 / 8, "▌": 4 / 8, "▋": 5 / 8, "▊": 6 / 8, "▉": 7 / 8,
    ]

    static let shade = "░"

    static func isShape(_ text: String) -> Bool {
        arms[text] != nil || blocks[text] != nil || text == shade
    }
}
