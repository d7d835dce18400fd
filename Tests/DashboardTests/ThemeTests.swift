import Foundation
import Testing

@testable import Dashboard

@Suite struct ThemeTests {
    @Test func `the shipped themes are five, complete, and built into the program`() {
        #expect(
            Theme.shipped.map(\.name) == ["terminal", "midnight", "daylight", "colorblind", "mono"])
        for theme in Theme.shipped {
            #expect(Set(theme.roles.keys) == Set(Role.allCases), "\(theme.name)")
            #expect(!theme.description.isEmpty)
        }
    }

    /// Lines, tracks and bars are no text.
    private static let texts = Set(Role.allCases).subtracting([.border, .track, .bar])

    @Test(arguments: Theme.shipped)
    func `text of explicit colours has a contrast of at least four and a half`(theme: Theme) {
        for role in Self.texts {
            for (raised, selected) in [(false, false), (true, false), (false, true), (true, true)] {
                let look = theme.look(of: Style(role, raised: raised, selected: selected))
                guard case .rgb(let text) = look.foreground, case .rgb(let ground) = look.background
                else { continue }
                let contrast = text.contrast(with: ground)
                #expect(
                    contrast >= 4.5,
                    "\(theme.name): \(role) on \(ground.hexadecimal) is \(contrast)")
            }
        }
    }

    /// Where the terminal's own sixteen colours are used nothing can be promised; of the other 240 it is.
    @Test(arguments: Theme.shipped)
    func `that contrast is kept in 256 colours`(theme: Theme) {
        for role in Self.texts {
            for (raised, selected) in [(false, false), (true, false), (false, true), (true, true)] {
                let style = Style(role, raised: raised, selected: selected)
                let paint = theme.paint(style, depth: .palette256)
                guard case .rgb = theme.look(of: style).foreground, paint.foreground >= 16,
                    paint.background >= 16
                else { continue }
                let text = XtermPalette.all[paint.foreground]
                let ground = XtermPalette.all[paint.background]
                let contrast = text.contrast(with: ground)
                #expect(
                    contrast >= 4.5,
                    "\(theme.name): \(role), \(text.hexadecimal) on \(ground.hexadecimal): \(contrast)"
                )
            }
        }
    }

    /// As xterm has the sixteen, on black under a dark theme and on white under a light one; with eight,
    /// bold is taken for bright.
    @Test(arguments: Theme.shipped, [ColorDepth.palette16, .palette8])
    func `that contrast is kept in sixteen and eight colours`(theme: Theme, depth: ColorDepth) {
        var coloured = 0
        for role in Self.texts {
            for (raised, selected) in [(false, false), (true, false), (false, true), (true, true)] {
                let style = Style(role, raised: raised, selected: selected)
                let paint = theme.paint(style, depth: depth)
                guard case .rgb = theme.look(of: style).foreground, paint.foreground >= 0 else {
                    continue
                }
                let isBright = depth == .palette8 && paint.attributes.contains(.bold)
                let text = XtermPalette.xterm[paint.foreground + (isBright ? 8 : 0)]
                let contrast = text.contrast(with: theme.assumedGround)
                #expect(contrast >= 4.5, "\(theme.name): \(role) \(style): \(contrast)")
                coloured += 1
            }
        }
        if ["midnight", "daylight", "colorblind"].contains(theme.name) {
            // What is left of the colours still tells danger from plain text.
            #expect(coloured > 4, "\(theme.name)")
            #expect(theme.paint(Style(.danger), depth: depth).foreground > 0, "\(theme.name)")
        }
    }

    @Test(arguments: ColorVision.allCases, [ColorDepth.direct, .palette256])
    func `in colorblind the four states stay apart for every kind of colour vision`(
        vision: ColorVision, depth: ColorDepth
    ) throws {
        let theme = try Theme.named("colorblind", environment: [:])
        let roles: [Role] = [.ok, .active, .warning, .danger]
        for (place, one) in roles.enumerated() {
            for two in roles[(place + 1)...] {
                let colors = [one, two].map { role in
                    let number = theme.paint(Style(role), depth: depth).foreground
                    return depth == .direct ? RGB(UInt32(number)) : XtermPalette.all[number]
                }
                let distance = vision.distance(colors[0], colors[1])
                #expect(distance >= 30, "\(one) and \(two): \(distance)")
            }
        }
    }

    @Test(arguments: ["midnight", "daylight", "colorblind"])
    func `themes of explicit colours leave none to the terminal`(name: String) throws {
        let theme = try Theme.named(name, environment: [:])
        for role in Role.allCases {
            let look = theme.look(of: Style(role))
            #expect(look.foreground != .terminal && look.background != .terminal, "\(role)")
        }
    }

    @Test(arguments: Theme.shipped)
    func `no foreground falls to colour 0 at any depth`(theme: Theme) {
        for depth in [ColorDepth.direct, .palette256, .palette16, .palette8] {
            for role in Role.allCases {
                #expect(theme.paint(Style(role), depth: depth).foreground != 0, "\(role) \(depth)")
            }
        }
    }

    @Test(arguments: Theme.shipped)
    func `without colour the selected row and an alert still stand out`(theme: Theme) {
        let plain = theme.paint(Style(), depth: .mono)
        #expect(plain.foreground == -1 && plain.background == -1)
        for style in [Style(.text, selected: true), Style(.alert)] {
            #expect(theme.paint(style, depth: .mono).attributes.contains(.reverse))
            #expect(theme.paint(style, depth: .palette8).attributes.contains(.reverse))
        }
    }

    @Test(arguments: [
        ("name: x\nroles:\n  text: {fg: \"#12\"}\n", 3, 14, "no colour"),
        ("roles:\n  txt: {fg: red}\n", 2, 3, "unknown role \"txt\""),
        ("roles:\n  ok: {fb: red}\n", 2, 8, "unknown key \"fb\""),
        ("colour: x\n", 1, 1, "unknown key \"colour\""),
        ("roles:\n  ok: {attributes: [blink]}\n", 2, 21, "unknown attribute"),
        ("roles: [", 1, 9, "did not find"), ("", 1, 1, "is empty"), ("a: \0", 1, 1, "NUL"),
        ("base: none\n", 1, 7, "is none of"), ("a: &b [c]\n? *b\n: d", 1, 1, "an alias"),
        ("- a\n", 1, 1, "mapping"),
    ])
    func `a theme's mistake is named with its place`(
        yaml: String, line: Int, column: Int, words: String
    ) throws {
        let error = try #require(throws: ThemeError.self) {
            try Theme(yaml: yaml, file: "mine.yaml")
        }
        #expect(error.line == line)
        #expect(error.column == column)
        #expect(error.message.contains(words), "\(error)")
    }

    @Test func `what a theme leaves out comes from its base`() throws {
        let theme = try Theme(
            yaml: "base: midnight\nroles:\n  ok: {fg: \"#00ff00\"}\n", file: "mine.yaml")
        #expect(theme.name == "mine")
        #expect(theme.roles[.ok]?.foreground == .rgb(RGB(0x00FF00)))
        #expect(theme.roles[.danger] == Theme.shipped[1].roles[.danger])
    }

    @Test func `a user's own themes come from the configuration folder or a path`() throws {
        let home = FileManager.default.temporaryDirectory
            .appendingPathComponent("lockkeeper-theme-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: home) }
        let folder = home.appendingPathComponent("lockkeeper/themes")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("mine.yaml")
        try "roles:\n  ok: {fg: 42}\n".write(to: file, atomically: true, encoding: .utf8)
        let environment = ["XDG_CONFIG_HOME": home.path]
        #expect(
            try Theme.named("mine", environment: environment).roles[.ok]?.foreground == .indexed(42)
        )
        #expect(try Theme.named(file.path, environment: [:]).name == "mine")
        #expect(Theme.all(environment: environment).map(\.name).last == "mine")
        let error = try #require(throws: ThemeError.self) {
            try Theme.named("nobody", environment: environment)
        }
        #expect(error.message.contains("terminal, midnight, daylight, colorblind, mono, mine"))
    }
}
