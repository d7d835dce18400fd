import Foundation

/// A colour as a theme file writes it: `default`, a name of the shell's sixteen, a number of the 256,
/// or `#rrggbb`.
public enum ThemeColor: Sendable, Hashable {
    /// The terminal's own foreground or background.
    case terminal
    case indexed(Int)
    case rgb(RGB)

    public init?(_ text: String) {
        if text == "default" {
            self = .terminal
        } else if let index = Self.names.firstIndex(of: text) {
            self = .indexed(index)
        } else if let index = Int(text), (0...255).contains(index) {
            self = .indexed(index)
        } else if text.first == "#", text.utf8.count == 7,
            let value = UInt32(text.dropFirst(), radix: 16)
        {
            self = .rgb(RGB(value))
        } else {
            return nil
        }
    }

    public static let names = [
        "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
        "bright_black", "bright_red", "bright_green", "bright_yellow", "bright_blue",
        "bright_magenta", "bright_cyan", "bright_white",
    ]
}

public struct RGB: Sendable, Hashable {
    public var red: Int
    public var green: Int
    public var blue: Int

    public init(_ value: UInt32) {
        red = Int(value >> 16 & 0xFF)
        green = Int(value >> 8 & 0xFF)
        blue = Int(value & 0xFF)
    }

    public init(red: Int, green: Int, blue: Int) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    public var number: Int { red << 16 | green << 8 | blue }

    /// `#rrggbb`
    public var hexadecimal: String {
        let digits = String(number, radix: 16)
        return "#" + String(repeating: "0", count: 6 - digits.count) + digits
    }

    /// Relative luminance, 0 to 1 (WCAG 2.1).
    public var luminance: Double {
        func linear(_ value: Int) -> Double {
            let share = Double(value) / 255
            return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    /// 1 (none) to 21 (black on white), as in WCAG 2.1; 4.5 is the least for text.
    public func contrast(with other: RGB) -> Double {
        let (light, dark) = (max(luminance, other.luminance), min(luminance, other.luminance))
        return (light + 0.05) / (dark + 0.05)
    }

    /// How far its strongest and weakest part are apart, 0 to 255.
    var chroma: Int { max(red, green, blue) - min(red, green, blue) }

    func blended(with other: RGB, share: Double) -> RGB {
        func mix(_ one: Int, _ two: Int) -> Int {
            Int((Double(one) * share + Double(two) * (1 - share)).rounded())
        }
        return RGB(
            red: mix(red, other.red), green: mix(green, other.green), blue: mix(blue, other.blue))
    }

    /// Squared distance with the weights of "redmean", which follows the eye better than a plain sum.
    func distance(to other: RGB) -> Double {
        let mean = Double(red + other.red) / 2
        let (dr, dg, db) = (
            Double(red - other.red), Double(green - other.green), Double(blue - other.blue)
        )
        return (2 + mean / 256) * dr * dr + 4 * dg * dg + (2 + (255 - mean) / 256) * db * db
    }
}

/// The 256 colours of xterm: sixteen of the shell's, a cube of 6 × 6 × 6, 24 greys.
enum XtermPalette {
    /// What pictures show for the shell's sixteen: no terminal is asked there.
    static let sixteen: [RGB] = [
        0x1B1F27, 0xE5646F, 0x7FBF7A, 0xDDB365, 0x6AA4E8, 0xC08BD9, 0x5FBFC3, 0xC8CDD6,
        0x6E7685, 0xF28B93, 0x9BD694, 0xF0CC85, 0x8FBDF4, 0xD5A9EA, 0x84D8DB, 0xF2F4F8,
    ].map { RGB($0) }

    /// The sixteen as xterm itself has them (its manual, resources color0 to color15).
    static let xterm: [RGB] = [
        0x000000, 0xCD0000, 0x00CD00, 0xCDCD00, 0x0000EE, 0xCD00CD, 0x00CDCD, 0xE5E5E5,
        0x7F7F7F, 0xFF0000, 0x00FF00, 0xFFFF00, 0x5C5CFF, 0xFF00FF, 0x00FFFF, 0xFFFFFF,
    ].map { RGB($0) }

    static let all: [RGB] =
        sixteen
        + (0..<216).map { index in
            let levels = [0, 95, 135, 175, 215, 255]
            return RGB(
                red: levels[index / 36], green: levels[index / 6 % 6], blue: levels[index % 6])
        }
        + (0..<24).map { RGB(red: 8 + 10 * $0, green: 8 + 10 * $0, blue: 8 + 10 * $0) }

    /// The nearest of the cube and the greys: the first sixteen are whatever the shell says.
    static func nearest256(to color: RGB, where suits: (RGB) -> Bool = { _ in true }) -> Int {
        (16..<256).filter { suits(all[$0]) }
            .min { all[$0].distance(to: color) < all[$1].distance(to: color) } ?? 15
    }

    /// The hue among the shell's colours 1 to 6; nil for greys, which are left to the terminal.
    static func nearestHue(to color: RGB) -> Int? {
        guard color.chroma >= 48 else { return nil }
        let pure: [RGB] = [0xFF0000, 0x00FF00, 0xFFFF00, 0x0000FF, 0xFF00FF, 0x00FFFF]
            .map { RGB($0) }
        let low = min(color.red, color.green, color.blue)
        let stretched = RGB(
            red: (color.red - low) * 255 / color.chroma,
            green: (color.green - low) * 255 / color.chroma,
            blue: (color.blue - low) * 255 / color.chroma)
        return (0..<6).min { pure[$0].distance(to: stretched) < pure[$1].distance(to: stretched) }
            .map { $0 + 1 }
    }
}
