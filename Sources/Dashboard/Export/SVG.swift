import Foundation

extension Surface {
    /// The screen as an SVG picture: a grid of text in a monospaced font, lines and bars as shapes.
    ///
    /// Every row is a `<g>` of `<text>` elements in the order of their columns; what is drawn as a
    /// shape is there as text too, invisible, so that the rows can be read, searched and compared.
    public func svg(theme: Theme) -> String {
        SVGWriter(surface: self, theme: theme).document()
    }
}

private struct SVGWriter {
    let surface: Surface
    let theme: Theme

    /// Pixels. DejaVu Sans Mono, Menlo and Liberation Mono are 0.602 em wide.
    let fontSize = 14.0
    let cellWidth = 8.43
    let cellHeight = 18.0
    let margin = 14.0
    /// Of the text's base line below a row's upper edge.
    let baseline = 13.4

    var ground: RGB { rgb(theme.look(of: Style(.text)).background, isForeground: false) }

    func document() -> String {
        let width = number(Double(surface.columns) * cellWidth + 2 * margin)
        let height = number(Double(surface.rows) * cellHeight + 2 * margin)
        var backgrounds = ""
        var shapes = ShapePaths()
        var rows = ""
        var styles = StyleSheet()
        for row in 0..<surface.rows {
            backgrounds += self.backgrounds(row)
            rows += texts(row, &styles)
            collectShapes(row, &shapes)
        }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
            viewBox="0 0 \(width) \(height)" font-family="'DejaVu Sans Mono', Menlo, \
            'Liberation Mono', Consolas, monospace" font-size="\(number(fontSize))">
            <style>
            text { white-space: pre; }
            .shape { fill: none; }
            \(styles.text)</style>
            <rect width="100%" height="100%" rx="8" fill="\(ground.hexadecimal)"/>
            <g transform="translate(\(number(margin)) \(number(margin)))">
            \(backgrounds)\(shapes.text(cellHeight: cellHeight))\(rows)</g>
            </svg>

            """
    }

    /// Runs of cells whose background is not the picture's.
    private func backgrounds(_ row: Int) -> String {
        var result = ""
        var column = 0
        while column < surface.columns {
            let color = colors(surface[row, column].style).background
            var end = column + 1
            while end < surface.columns, colors(surface[row, end].style).background == color {
                end += 1
            }
            if color != ground {
                // A little taller than the row: neighbours must not leave a hairline.
                result +=
                    "<rect x=\"\(x(column))\" y=\"\(number(Double(row) * cellHeight))\" "
                    + "width=\"\(number(Double(end - column) * cellWidth))\" "
                    + "height=\"\(number(cellHeight + 0.4))\" fill=\"\(color.hexadecimal)\"/>\n"
            }
            column = end
        }
        return result
    }

    private func texts(_ row: Int, _ styles: inout StyleSheet) -> String {
        var elements = ""
        for run in runs(row) {
            let columns = DisplayText.width(run.text)
            let name =
                run.isShape
                ? "shape" : styles.name(for: colors(run.style).foreground, run.look(theme))
            elements +=
                "<text class=\"\(name)\" x=\"\(x(run.column))\" y=\"\(number(Double(row) * cellHeight + baseline))\" "
                + "textLength=\"\(number(Double(columns) * cellWidth))\" xml:space=\"preserve\">"
                + escape(run.text) + "</text>"
        }
        return elements.isEmpty ? "" : "<g>\(elements)</g>\n"
    }

    private struct Run {
        var column: Int
        var text: String
        var style: Style
        var isShape: Bool

        func look(_ theme: Theme) -> Theme.Attributes { theme.look(of: style).attributes }
    }

    /// Text that has one look, cut at blanks of two or more and at shapes, so that a font of another
    /// width can't shift what follows.
    private func runs(_ row: Int) -> [Run] {
        var result: [Run] = []
        var open: Run?
        func close() {
            if var run = open {
                while run.text.last == " " { run.text.removeLast() }
                if !run.text.isEmpty { result.append(run) }
            }
            open = nil
        }
        for column in 0..<surface.columns {
            let cell = surface[row, column]
            if cell.width == 0 { continue }
            let isShape = BoxGlyph.isShape(cell.text)
            let isSame = open?.style == cell.style && open?.isShape == isShape
            if cell.text == " " {
                if open?.text.last == " " || open?.isShape == true {
                    close()
                } else if isSame {
                    open?.text += " "
                } else {
                    close()
                }
                continue
            }
            if isSame {
                open?.text += cell.text
            } else {
                close()
                open = Run(column: column, text: cell.text, style: cell.style, isShape: isShape)
            }
        }
        close()
        return result
    }

    private func collectShapes(_ row: Int, _ shapes: inout ShapePaths) {
        for column in 0..<surface.columns {
            let cell = surface[row, column]
            guard BoxGlyph.isShape(cell.text) else { continue }
            shapes.add(
                cell.text, color: colors(cell.style).foreground, left: Double(column) * cellWidth,
                top: Double(row) * cellHeight, width: cellWidth, height: cellHeight)
        }
    }

    private func colors(_ style: Style) -> (foreground: RGB, background: RGB) {
        let look = theme.look(of: style)
        var foreground = rgb(look.foreground, isForeground: true)
        var background = rgb(look.background, isForeground: false)
        if look.attributes.contains(.reverse) { swap(&foreground, &background) }
        if look.attributes.contains(.dim) {
            foreground = foreground.blended(with: background, share: 0.6)
        }
        return (foreground, background)
    }

    /// The shell's own colours are not known to a picture: a calm dark set stands for them.
    private func rgb(_ color: ThemeColor, isForeground: Bool) -> RGB {
        switch color {
        case .terminal: isForeground ? RGB(0xD6DAE2) : RGB(0x14171D)
        case .indexed(let index): XtermPalette.all[index]
        case .rgb(let rgb): rgb
        }
    }

    private func x(_ column: Int) -> String { number(Double(column) * cellWidth) }

    private func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// At most two digits after the point, without trailing zeros.
private func number(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let (whole, rest) = (hundredths / 100, abs(hundredths % 100))
    let sign = hundredths < 0 && whole == 0 ? "-" : ""
    if rest == 0 { return "\(sign)\(whole)" }
    return rest % 10 == 0
        ? "\(sign)\(whole).\(rest / 10)" : "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
}

/// One CSS class for each colour and weight that the picture uses.
private struct StyleSheet {
    private var names: [String: String] = [:]
    private(set) var text = ""

    mutating func name(for color: RGB, _ attributes: Theme.Attributes) -> String {
        var rule = "fill: \(color.hexadecimal);"
        if attributes.contains(.bold) { rule += " font-weight: bold;" }
        if attributes.contains(.italic) { rule += " font-style: italic;" }
        if attributes.contains(.underline) { rule += " text-decoration: underline;" }
        if let known = names[rule] { return known }
        let name = "c\(names.count)"
        names[rule] = name
        text += ".\(name) { \(rule) }\n"
        return name
    }
}

/// Lines and blocks by colour, drawn at once.
private struct ShapePaths {
    private struct Stroke: Hashable {
        var color: RGB
        var weight: Int
    }
    private var strokes: [Stroke: String] = [:]
    private var fills: [RGB: String] = [:]
    private var shades: [RGB: String] = [:]
    private var order: [RGB] = []

    mutating func add(
        _ glyph: String, color: RGB, left: Double, top: Double, width: Double, height: Double
    ) {
        if !order.contains(color) { order.append(color) }
        if let arms = BoxGlyph.arms[glyph] {
            addLines(arms, color, left, top, width, height)
        } else if let share = BoxGlyph.blocks[glyph] {
            fills[color, default: ""] += bar(left, top, width * share, height)
        } else {
            shades[color, default: ""] += bar(left, top, width, height)
        }
    }

    /// Bars are lower than their row, so that two of them do not touch.
    private func bar(_ left: Double, _ top: Double, _ width: Double, _ height: Double) -> String {
        let inset = 4.0
        return
            "M\(number(left)) \(number(top + inset))h\(number(width))v\(number(height - 2 * inset))h\(number(-width))z"
    }

    private mutating func addLines(
        _ arms: BoxGlyph.Arms, _ color: RGB, _ left: Double, _ top: Double, _ width: Double,
        _ height: Double
    ) {
        let (x, y) = (left + width / 2, top + height / 2)
        let weight = max(arms.up, arms.down, arms.left, arms.right)
        var path = ""
        if arms.isRound {
            let radius = width / 2
            let vertical = arms.down > 0 ? top + height : top
            let start = arms.down > 0 ? y + radius : y - radius
            let side = arms.right > 0 ? left + width : left
            path =
                "M\(number(x)) \(number(vertical))V\(number(start))Q\(number(x)) \(number(y)) \(number(side)) \(number(y))"
        } else {
            if arms.up > 0 { path += "M\(number(x)) \(number(y))V\(number(top))" }
            if arms.down > 0 { path += "M\(number(x)) \(number(y))V\(number(top + height))" }
            if arms.left > 0 { path += "M\(number(x)) \(number(y))H\(number(left))" }
            if arms.right > 0 { path += "M\(number(x)) \(number(y))H\(number(left + width))" }
        }
        strokes[Stroke(color: color, weight: weight), default: ""] += path
    }

    func text(cellHeight: Double) -> String {
        var result = ""
        for color in order {
            let hex = color.hexadecimal
            if let path = shades[color] {
                result += "<path d=\"\(path)\" fill=\"\(hex)\" fill-opacity=\"0.55\"/>\n"
            }
            if let path = fills[color] { result += "<path d=\"\(path)\" fill=\"\(hex)\"/>\n" }
            for weight in 1...2 {
                guard let path = strokes[Stroke(color: color, weight: weight)] else { continue }
                result +=
                    "<path d=\"\(path)\" fill=\"none\" stroke=\"\(hex)\" stroke-linecap=\"square\" "
                    + "stroke-width=\"\(weight == 1 ? "1.1" : "2.2")\"/>\n"
            }
        }
        return result
    }
}
