import Testing

@testable import Analysis

@Suite("An expression's parse tree")
struct ExpressionAnalysisTests {
    @Test("gives the names that it reads, with their places")
    func references() throws {
        let analysis = try ExpressionAnalysis.parse("lower(status) || orders.\"Mixed Case\"")
        #expect(analysis.references.map(\.names) == [["status"], ["orders", "Mixed Case"]])
        #expect(analysis.references.map(\.location) == [6, 17])
        #expect(analysis.calls.map(\.name) == [["lower"]])
        #expect(analysis.calls.map(\.argumentCount) == [1])
        #expect(analysis.operators == ["||"])
    }

    @Test("tells a subquery's names from the row's own")
    func subquery() throws {
        let analysis = try ExpressionAnalysis.parse("a IN (SELECT b FROM t WHERE c > 1)")
        #expect(analysis.hasSubquery)
        #expect(
            analysis.references.filter(\.isInSubquery).map(\.names).sorted { $0[0] < $1[0] }
                == [["b"], ["c"]])
        #expect(analysis.references.filter { !$0.isInSubquery }.map(\.names) == [["a"]])
    }

    @Test("knows parameters, stars, window and aggregate syntax, untyped literals")
    func hints() throws {
        #expect(try ExpressionAnalysis.parse("$1 + 1").hasParameter)
        #expect(try ExpressionAnalysis.parse("orders.*").references.first?.isStar == true)
        #expect(try ExpressionAnalysis.parse("count(*)").hasAggregateSyntax)
        #expect(try ExpressionAnalysis.parse("sum(a) OVER ()").hasWindowSyntax)
        #expect(try ExpressionAnalysis.parse("'text'").isUntypedLiteral)
        #expect(try ExpressionAnalysis.parse("NULL").isUntypedLiteral)
        #expect(try !ExpressionAnalysis.parse("'1'::int").isUntypedLiteral)
        #expect(try ExpressionAnalysis.parse("'1'::int").casts == [["pg_catalog", "int4"]])
        #expect(try ExpressionAnalysis.parse("current_date").usesSessionKeyword)
    }

    @Test("comments, line ends and parentheses inside strings are no way out")
    func harmless() throws {
        for text in [
            "a -- ) one\n + b", "a /* ) */", "')' || a", "\")\"", "$$ ) $$ || a", "(a) + (b)",
            "E'\\')'", "\n a \n",
        ] {
            #expect(throws: Never.self, "\(text)") { try ExpressionAnalysis.parse(text) }
        }
    }

    @Test(
        "what leaves its parentheses, or is not one expression, is refused",
        arguments: [
            "a) + (b", "a), (b", "a, b", "a; b", "a --", "", " ", "/* a */", "a AS b", "a FROM t",
            "(a", "a)", "a /*", "'a", "$$a", "\"a", "a\u{0}b", "SELECT a) UNION (SELECT b",
        ])
    func refused(text: String) {
        #expect(throws: SyntaxError.self) { try ExpressionAnalysis.parse(text) }
    }

    @Test("an error's position counts in the expression's own characters")
    func position() {
        let error = #expect(throws: SyntaxError.self) { try ExpressionAnalysis.parse("ä + + )") }
        #expect(error?.position == 7)
        let other = #expect(throws: SyntaxError.self) { try ExpressionAnalysis.parse("ä b c") }
        #expect(other?.message.contains("syntax error") == true)
        #expect(other?.position == 3)
    }

    @Test(
        "a type is one type",
        arguments: [
            "int", "varchar(50)", "\"My Type\"", "s.t[]", "int[3][]",
            "timestamp(3) with time zone", "interval day to second", "numeric(10, 2)",
        ])
    func types(text: String) {
        #expect(throws: Never.self) { try TypeText.check(text) }
    }

    @Test(
        "and nothing else",
        arguments: [
            "int) + (1", "int; DROP TABLE t", "int, b", "int::text", "int COLLATE \"C\"", "",
            "int FROM t", "setof int", "int --", "int LIMIT 1", "int + 1", "1",
        ])
    func noTypes(text: String) {
        #expect(throws: SyntaxError.self) { try TypeText.check(text) }
    }

    @Test("a deeply nested expression is refused, not crashed on")
    func nesting() {
        let deep =
            String(repeating: "(1 + ", count: 5000) + "1" + String(repeating: ")", count: 5000)
        #expect(throws: SyntaxError.self) { try ExpressionAnalysis.parse(deep) }
    }
}
