import Foundation

/// One table: what was measured, its bound, the figure, and the peer's where there is one.
struct Report {
    struct Line {
        var name: String
        var bound: Double?
        var unit: String
        var figure: Double
        var note = ""
        var peer: Double?
    }

    var lines: [Line] = []
    var peerName: String?

    mutating func add(
        _ name: String, _ figure: Double?, _ unit: String, bound: Double? = nil,
        peer: Double? = nil, note: String = ""
    ) {
        lines.append(
            Line(
                name: name, bound: bound, unit: unit, figure: figure ?? .nan, note: note,
                peer: peer))
        // What has been measured is not lost when something later fails.
        FileHandle.standardError.write(
            Data("  \(name): \(number(figure ?? .nan, unit))\n".utf8))
    }

    var isKept: Bool { lines.allSatisfy { line in line.bound.map { line.figure <= $0 } ?? true } }

    var text: String {
        var rows = [["", "bound", "measured"] + (peerName.map { [$0] } ?? []) + [""]]
        for line in lines {
            let isOver = line.bound.map { line.figure > $0 } ?? false
            var row = [
                line.name, line.bound.map { "≤ " + number($0, line.unit) } ?? "",
                number(line.figure, line.unit) + (isOver ? " !" : ""),
            ]
            if peerName != nil { row.append(line.peer.map { number($0, line.unit) } ?? "") }
            rows.append(row + [line.note])
        }
        let widths = (0..<(rows[0].count)).map { column in rows.map { $0[column].count }.max() ?? 0
        }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 || column == row.count - 1 ? cell + padding : padding + cell
            }
            return cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces)
        }.joined(separator: "\n")
    }

    private func number(_ value: Double, _ unit: String) -> String {
        guard value.isFinite else { return "–" }
        let digits = value >= 100 || value == value.rounded() ? 0 : value >= 10 ? 1 : 2
        return String(format: "%.\(digits)f", value) + " \(unit)"
    }
}
