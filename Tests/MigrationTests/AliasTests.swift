import Testing

@testable import Migration

@Suite("Aliases in a spec")
struct AliasTests {
    private static let bomb =
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + (1...11).map { level in
            "a\(level): &a\(level) ["
                + Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ") + "]\n"
        }.joined()

    @Test(
        "lists within lists by alias are refused at once, as values and as keys",
        .timeLimit(.minutes(1)),
        arguments: ["", "? *a11\n: 1\n? [*a11]\n: 2\n", "*a11 : 1\n", "[*a11]: 1\n{b: *a11} : 2\n"])
    func bombs(_ keys: String) {
        let error = #expect(throws: SpecError.self) {
            try Spec.parse(text: Self.bomb + keys, file: "bomb.yaml")
        }
        #expect(error?.message.contains("alias") == true)
    }

    @Test("an alias of a word is that word")
    func words() throws {
        let spec = try Spec.parse(
            text: """
                name: words
                operations:
                  - drop_column: {table: &t orders, column: a}
                  - drop_column: {table: *t, column: b}
                """, file: "words.yaml")
        #expect(spec.operations.count == 2)
    }
}
