import Foundation

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// The rows of text that a saved picture shows, put back together from the places of its texts.
final class Picture: NSObject, XMLParserDelegate {
    private var cells: [Int: [Int: Character]] = [:]
    private var place: (row: Int, column: Int)?
    private var text = ""

    /// A cell is 8.43 wide and 18 high; a line of text stands on 13.4.
    static func rows(of svg: String) -> [String]? {
        let parser = XMLParser(data: Data(svg.utf8))
        let picture = Picture()
        parser.delegate = picture
        guard parser.parse(), let last = picture.cells.keys.max() else { return nil }
        return (0...last).map { row in
            let cells = picture.cells[row] ?? [:]
            let width = (cells.keys.max() ?? -1) + 1
            return trimmed(String((0..<width).map { cells[$0] ?? " " }))
        }
    }

    static func trimmed(_ row: String) -> String {
        String(row.reversed().drop { $0 == " " }.reversed())
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
        qualifiedName: String?, attributes: [String: String]
    ) {
        guard name == "text", let x = Double(attributes["x"] ?? ""),
            let y = Double(attributes["y"] ?? "")
        else { return }
        place = (Int((y - 13.4) / 18 + 0.01), Int(x / 8.43 + 0.5))
        text = ""
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

    func parser(
        _ parser: XMLParser, didEndElement name: String, namespaceURI: String?,
        qualifiedName: String?
    ) {
        guard name == "text", let place else { return }
        for (offset, character) in text.enumerated() {
            cells[place.row, default: [:]][place.column + offset] = character
        }
        self.place = nil
    }
}
