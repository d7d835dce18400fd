/// Roles turned into colours and attributes.
public struct Theme: Sendable, Equatable {
    public var name: String
    public var description: String
    public var roles: [Role: Paint]

    public struct Paint: Sendable, Equatable {
        /// Nil: as the text's.
        public var foreground: ThemeColor?
        /// Nil: that of what it stands on.
        public var background: ThemeColor?
        public var attributes: Attributes

        public init(
            foreground: ThemeColor? = nil, background: ThemeColor? = nil,
            attributes: Attributes = []
        ) {
            self.foreground = foreground
            self.background = background
            self.attributes = attributes
        }
    }

    public struct Attributes: OptionSet, Sendable, Hashable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        public static let bold = Attributes(rawValue: 1)
        public static let dim = Attributes(rawValue: 2)
        public static let underline = Attributes(rawValue: 4)
        public static let reverse = Attributes(rawValue: 8)
        public static let italic = Attributes(rawValue: 16)

        static let names: [(String, Attributes)] = [
            ("bold", .bold), ("dim", .dim), ("underline", .underline), ("reverse", .reverse),
            ("italic", .italic),
        ]
    }

    /// What a style looks like: every colour decided.
    public struct Look: Sendable, Hashable {
        public var foreground: ThemeColor
        public var background: ThemeColor
        public var attributes: Attributes
    }

    public func look(of style: Style) -> Look {
        let text = roles[.text] ?? Paint()
        let own = roles[style.role] ?? Paint()
        let selection = roles[.selected] ?? Paint()
        if style.isSelected && selection.attributes.contains(.reverse) {
            // A reversed row of many colours would be a row of many backgrounds.
            return Look(
                foreground: selection.foreground ?? text.foreground ?? .terminal,
                background: selection.background ?? text.background ?? .terminal,
                attributes: selection.attributes.union(style.isBold ? .bold : []))
        }
        var ground = text.background
        if style.isRaised { ground = roles[.dialog]?.background ?? ground }
        if style.isSelected { ground = selection.background ?? ground }
        let standsOnSelection = style.isSelected && own.background == nil
        return Look(
            foreground: own.foreground ?? text.foreground ?? .terminal,
            background: own.background.flatMap {
                style.role == .text || style.role == .dialog ? nil : $0
            }
                ?? ground ?? .terminal,
            attributes: own.attributes.union(style.isBold ? .bold : [])
                .union(standsOnSelection ? selection.attributes : []))
    }
}
