extension String {
    /// The text on one line, with visible signs for what could end the line or drive a terminal: `␊` for
    /// a line's end, `␛` for an escape, `<U+202E>` for what has no sign.
    public var visible: String { visible(keepingTabs: false) }

    /// As `visible`; a tab, which ends no line, may stay one: in statements.
    public func visible(keepingTabs: Bool) -> String {
        guard unicodeScalars.contains(where: \.drivesTerminal) else { return self }
        var result = ""
        for scalar in unicodeScalars {
            if !scalar.drivesTerminal || keepingTabs && scalar == "\t" {
                result.unicodeScalars.append(scalar)
            } else if scalar.value < 0x20, let sign = Unicode.Scalar(0x2400 + scalar.value) {
                result.unicodeScalars.append(sign)
            } else {
                result += scalar.value == 0x7F ? "\u{2421}" : "<U+\(scalar.hexadecimal)>"
            }
        }
        return result
    }
}

extension Unicode.Scalar {
    /// C0, DEL and C1 controls; marks, embeddings, overrides and isolates of writing direction; the
    /// separators of lines and paragraphs.
    public var drivesTerminal: Bool {
        switch value {
        case ..<0x20, 0x7F...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// `001B`: at least four digits.
    public var hexadecimal: String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
