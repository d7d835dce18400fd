/// How many colours a terminal has, and how a look is said in them.
public enum ColorDepth: Sendable, Equatable {
    /// A colour number is 0xRRGGBB.
    case direct
    case palette256
    case palette16
    case palette8
    case mono

    public init(colors: Int, isDirect: Bool) {
        if isDirect {
            self = .direct
        } else if colors >= 256 {
            self = .palette256
        } else if colors >= 16 {
            self = .palette16
        } else {
            self = colors >= 8 ? .palette8 : .mono
        }
    }
}

/// Colour numbers as the terminal takes them; -1 is its own.
struct TerminalPaint: Sendable, Hashable {
    var foreground: Int
    var background: Int
    var attributes: Theme.Attributes
}

extension Theme {
    /// A style as a terminal of this depth shows it.
    ///
    /// With sixteen colours or fewer the backgrounds of the theme are left to the terminal, since
    /// text on the nearest of sixteen can't be promised to be readable: hues stay, greys become the
    /// terminal's own or dim, and what has a background of its own is reversed. A foreground never
    /// falls to colour 0, which many terminals have as their background.
    ///
    /// What the sixteen look like nobody can ask: they are taken for xterm's own (`XtermPalette.xterm`),
    /// the terminal's background for black under a dark theme and for white under a light one, and bold
    /// on a terminal of eight colours for the bright ones, as the Linux console shows it. A hue that is
    /// not readable so (4.5) gives way to its bright, bold or unbold form, and that to the terminal's own text
    /// colour: the glyph and the words then say it alone.
    func paint(_ style: Style, depth: ColorDepth) -> TerminalPaint {
        let look = look(of: style)
        switch depth {
        case .mono:
            return TerminalPaint(
                foreground: -1, background: -1, attributes: monochrome(look, style))
        case .direct:
            return TerminalPaint(
                foreground: Self.direct(look.foreground), background: Self.direct(look.background),
                attributes: look.attributes)
        case .palette256:
            let ground = Self.in256(look.background, isForeground: false)
            return TerminalPaint(
                foreground: Self.text256(look, on: ground), background: ground,
                attributes: look.attributes)
        case .palette16, .palette8:
            return few(look, style, count: depth == .palette16 ? 16 : 8)
        }
    }

    /// A direct-colour terminal still takes numbers below 8 as the shell's colours.
    private static func direct(_ color: ThemeColor) -> Int {
        switch color {
        case .terminal: -1
        case .indexed(let index): index < 8 ? max(index, 1) : max(8, XtermPalette.all[index].number)
        case .rgb(let rgb): max(8, rgb.number)
        }
    }

    private static func in256(_ color: ThemeColor, isForeground: Bool) -> Int {
        switch color {
        case .terminal: -1
        case .indexed(let index): isForeground && index == 0 ? -1 : index
        case .rgb(let rgb): XtermPalette.nearest256(to: rgb)
        }
    }

    /// The nearest of the 256 that keeps the theme's promise: what is readable in its own colours is
    /// readable on the colour that its background became.
    private static func text256(_ look: Look, on ground: Int) -> Int {
        guard case .rgb(let text) = look.foreground, case .rgb(let behind) = look.background,
            text.contrast(with: behind) >= 4.5
        else { return in256(look.foreground, isForeground: true) }
        let shown = XtermPalette.all[ground]
        return XtermPalette.nearest256(to: text) { $0.contrast(with: shown) >= 4.5 }
    }

    private func few(_ look: Look, _ style: Style, count: Int) -> TerminalPaint {
        var paint = TerminalPaint(foreground: -1, background: -1, attributes: look.attributes)
        switch look.foreground {
        case .terminal: break
        case .indexed(let index):
            paint.foreground = index < count ? index : index < 16 ? index - 8 : -1
            if index >= 8 && index < 16 && count == 8 { paint.attributes.insert(.bold) }
            if paint.foreground == 0 { paint.foreground = -1 }
        case .rgb(let rgb):
            if let hue = XtermPalette.nearestHue(to: rgb) { use(hue, in: &paint, count: count) }
            if paint.foreground == -1, Self.recedes.contains(style.role) {
                paint.attributes.insert(.dim)
            }
        }
        if standsOut(look, style) {
            paint.attributes.insert(.reverse)
            if style.isSelected { paint.foreground = -1 }
        }
        return paint
    }

    /// The hue, dark or bright, that can be read on the terminal's background; else none.
    private func use(_ hue: Int, in paint: inout TerminalPaint, count: Int) {
        let ground = assumedGround
        func suits(_ index: Int) -> Bool {
            XtermPalette.xterm[index].contrast(with: ground) >= 4.5
        }
        if count == 8 {
            let isBright = paint.attributes.contains(.bold)
            if suits(isBright ? hue + 8 : hue) {
                paint.foreground = hue
            } else if suits(isBright ? hue : hue + 8) {
                paint.foreground = hue
                paint.attributes.formSymmetricDifference(.bold)
            }
        } else if let index = [hue, hue + 8].first(where: suits) {
            paint.foreground = index
        }
    }

    /// What a terminal of few colours is taken to have behind its text.
    var assumedGround: RGB {
        guard case .rgb(let ground) = roles[.text]?.background, ground.luminance > 0.5 else {
            return RGB(0x000000)
        }
        return RGB(0xFFFFFF)
    }

    private func monochrome(_ look: Look, _ style: Style) -> Attributes {
        var attributes = look.attributes
        if standsOut(look, style) { attributes.insert(.reverse) }
        if Self.recedes.contains(style.role) { attributes.insert(.dim) }
        return attributes
    }

    private static let recedes: Set<Role> = [.muted, .border, .track]

    /// Whether its background says something: that of the selection or of an alert.
    private func standsOut(_ look: Look, _ style: Style) -> Bool {
        let ground = roles[.text]?.background ?? .terminal
        let raised = roles[.dialog]?.background ?? ground
        return look.background != ground && look.background != raised
    }
}
