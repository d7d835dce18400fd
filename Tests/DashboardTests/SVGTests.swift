import Engine
import Foundation
import Testing

@testable import Dashboard

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct SVGTests {
    /// Puts the texts of a picture back into rows, each by its place.
    private final class Reader: NSObject, XMLParserDelegate {
        var rows: [Int: [Int: String]] = [:]
        var place: (row: Int, column: Int)?
        var text = ""

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
            rows[place.row, default: [:]][place.column] = text
            self.place = nil
        }
    }

    private func text(of svg: String, rows: Int) -> String? {
        let parser = XMLParser(data: Data(svg.utf8))
        let reader = Reader()
        parser.delegate = reader
        guard parser.parse() else { return nil }
        return (0..<rows).map { row in
            var line = ""
            for (column, text) in (reader.rows[row] ?? [:]).sorted(by: { $0.key < $1.key }) {
                line += String(repeating: " ", count: max(0, column - DisplayText.width(line)))
                line += text
            }
            return line
        }.joined(separator: "\n") + "\n"
    }

    @Test(arguments: GoldenTests.moments, Theme.shipped)
    func `a picture holds the screen's text, every row and column of it`(
        moment: GoldenTests.Moment, theme: Theme
    ) {
        for (rows, columns) in [(24, 80), (40, 120)] {
            let surface = screen(
                moment.snapshot, rows: rows, columns: columns, keys: moment.keys, timeZone: .gmt)
            #expect(text(of: surface.svg(theme: theme), rows: rows) == surface.plainText)
        }
    }

    @Test func `text from the database can't break out of the picture`() {
        var snapshot = Samples.blocked
        snapshot.server?.sessions[0].query = "SELECT '</text><script>&\"\u{1B}\u{0}' FROM 日本語"
        let surface = screen(snapshot, rows: 50, columns: 200, keys: "\n", timeZone: .gmt)
        let svg = surface.svg(theme: .terminal)
        #expect(!svg.contains("<script"))
        #expect(text(of: svg, rows: 50) == surface.plainText)
        #expect(surface.plainText.contains("SELECT '</text><script>&\"␛␀' FROM 日本語;"))
    }

    @Test func `a theme's colours are the picture's`() throws {
        let surface = screen(Samples.backfill, rows: 24, columns: 80)
        let midnight = try Theme.named("midnight", environment: [:])
        let svg = surface.svg(theme: midnight)
        #expect(svg.contains("fill=\"#0d1320\""))
        #expect(svg.contains("#7ddc9c"))
        #expect(surface.svg(theme: .mono) != svg)
    }
}
