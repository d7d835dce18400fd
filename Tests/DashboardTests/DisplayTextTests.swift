import Testing

@testable import Dashboard

@Suite struct DisplayTextTests {
    private func shown(_ text: String, ascii: Bool = false) -> String {
        DisplayText.glyphs(text, ascii: ascii).map(\.text).joined()
    }

    @Test(arguments: [
        ("\u{1B}[31mred", "␛[31mred"), ("a\tb\nc", "a␉b␊c"), ("\u{7F}", "␡"), ("\0", "␀"),
        ("\u{9B}2J", "<U+009B>2J"), ("\u{202E}evil", "<U+202E>evil"),
        ("\u{2066}x\u{2069}", "<U+2066>x<U+2069>"), ("zero\u{200B}width", "zero<U+200B>width"),
        ("\u{2028}", "<U+2028>"), ("\u{E0041}", "<U+E0041>"), ("\u{FEFF}", "<U+FEFF>"),
        ("e\u{301}t\u{E9}", "e\u{301}t\u{E9}"),
    ])
    func `what could move or hide text is shown and not sent`(given: String, wanted: String) {
        #expect(shown(given) == wanted)
    }

    @Test func `no code point comes out as a control character`() {
        // The planes that have anything but ideographs and private use.
        for value in [0...0x1FFFF, 0xE0000...0xE0FFF].joined()
            as FlattenSequence<[ClosedRange<UInt32>]>
        {
            guard let scalar = Unicode.Scalar(value) else { continue }
            for part in DisplayText.glyphs(String(scalar)).flatMap(\.text.unicodeScalars) {
                let category = part.properties.generalCategory
                if category == .control || category == .format {
                    Issue.record("U+\(String(value, radix: 16)) is sent as it is")
                }
            }
        }
    }

    @Test(arguments: [
        ("abc", 3), ("日本", 4), ("e\u{301}", 1), ("🚀", 2), ("👩\u{200D}🚀", 4), ("한글", 4),
        ("\u{1B}", 1), ("", 0), ("ａ", 2),
    ])
    func `width is counted in columns`(text: String, width: Int) {
        #expect(DisplayText.width(text) == width)
    }

    @Test func `a pile of combining marks is cut`() {
        let pile = "a" + String(repeating: "\u{301}", count: 50)
        #expect(DisplayText.glyphs(pile).map { $0.text.unicodeScalars.count } == [4])
    }

    @Test func `in ASCII our own punctuation is ASCII and controls are carets`() {
        #expect(shown("a · b – c…\u{1B}", ascii: true) == "a - b - c~^[")
    }

    @Test func `a statement is put on one line`() {
        #expect(DisplayText.singleLine("SELECT 1\n\t  FROM t ") == "SELECT 1 FROM t")
    }
}

@Suite struct SurfaceTests {
    private func surface(_ text: String, width: Int, columns: Int = 20) -> String {
        var surface = Surface(rows: 1, columns: columns)
        surface.draw(StyledText(text), row: 0, column: 0, width: width)
        return surface.plainText
    }

    @Test func `text that does not fit ends in an ellipsis`() {
        #expect(surface("abcdef", width: 6) == "abcdef\n")
        #expect(surface("abcdefg", width: 6) == "abcde…\n")
        #expect(surface("日本語", width: 4) == "日…\n")
        #expect(surface("x", width: 0) == "\n")
    }

    @Test func `overwriting half of a wide glyph blanks the other half`() {
        var surface = Surface(rows: 1, columns: 6)
        surface.draw(StyledText("日本"), row: 0, column: 0, width: 6)
        surface.draw(StyledText("x"), row: 0, column: 1, width: 1)
        #expect(surface.plainText == " x本\n")
        surface.draw(StyledText("y"), row: 0, column: 2, width: 1)
        #expect(surface.plainText == " xy\n")
    }

    @Test func `a wide glyph does not hang over the edge`() {
        #expect(surface("a日", width: 2, columns: 2) == "a…\n")
        var narrow = Surface(rows: 1, columns: 1)
        narrow.put(Glyph(text: "日", width: 2), row: 0, column: 0, style: Style())
        #expect(narrow.plainText == "\n")
    }

    @Test func `only changed cells are sent, in runs of one style`() {
        var before = Surface(rows: 2, columns: 10)
        before.draw(StyledText("abc"), row: 0, column: 0, width: 10)
        var after = before
        after.draw(StyledText("X", .ok) + StyledText("YZ"), row: 1, column: 4, width: 6)
        #expect(
            after.runs(since: before) == [
                CellRun(row: 1, column: 4, text: "X", style: Style(.ok)),
                CellRun(row: 1, column: 5, text: "YZ", style: Style()),
            ])
        #expect(after.runs(since: after).isEmpty)
        #expect(after.runs(since: nil).map(\.text).joined().count == 20)
    }

    @Test func `a bar is full only when it is done and never empty once begun`() {
        func bar(_ share: Double?) -> String {
            var surface = Surface(rows: 1, columns: 4)
            surface.drawBar(share: share, row: 0, column: 0, width: 4)
            return surface.plainText
        }
        #expect(bar(nil) == "░░░░\n")
        #expect(bar(0) == "░░░░\n")
        #expect(bar(0.0001) == "▏░░░\n")
        #expect(bar(0.5) == "██░░\n")
        #expect(bar(0.9999) == "███▉\n")
        #expect(bar(1) == "████\n")
    }

    @Test func `long text is wrapped at spaces, with its indent`() {
        let lines = wrap(StyledText("  SELECT a, b FROM t"), width: 12).map(\.text)
        #expect(lines == ["  SELECT a,", "  b FROM t"])
        #expect(wrap(StyledText("abcdefghij"), width: 4).map(\.text) == ["abcd", "efgh", "ij"])
    }
}

@Suite struct FiguresTests {
    private let figures = Figures(timeZone: .gmt)

    @Test func `unknown is a dash and never nought`() {
        #expect(figures.count(nil) == "–")
        #expect(figures.duration(nil) == "–")
        #expect(figures.rate(nil, "rows") == "– rows/s")
        #expect(figures.percent(done: 0, total: 0) == "– %")
        #expect(figures.bytes(nil) == "–")
    }

    @Test(
        arguments: [
            (0.0064, "6 ms"), (0.9999, "1.0 s"), (1.44, "1.4 s"), (41, "41 s"), (59.6, "1 min"),
            (124, "2 min 4 s"), (4320, "1 h 12 min"), (86_399, "23 h 59 min"), (90_000, "1 d 1 h"),
            (-5, "-5.0 s"),
        ] as [(Double, String)])
    func `durations read as people say them`(seconds: Double, wanted: String) {
        #expect(figures.duration(seconds) == wanted)
    }

    @Test func `numbers have their thousands apart`() {
        #expect(
            [0, 999, 1000, 1_204_331, -1000].map(figures.count) == [
                "0", "999", "1,000", "1,204,331", "-1,000",
            ])
        #expect(figures.percent(done: 9_999, total: 10_000) == "99.9 %")
        #expect(figures.percent(done: 10_000, total: 10_000) == "100 %")
        #expect(figures.bytes(3_141_592) == "3.1 MB")
        #expect(figures.bytes(999) == "999 B")
    }
}
