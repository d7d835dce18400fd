import Migration
import Testing

@testable import Analysis

/// Definitions as PostgreSQL prints them; in the expectations a column stands between ‹ and ›.
@Suite("A definition's columns")
struct DefinitionReadingTests {
    private static let columns: Set<String> = [
        "status", "lower", "a", "b", "c", "user", "Order Items", "se\"t", "USING", "where", "btree",
        "period", "text", "naïve",
    ]

    private func marked(_ definition: Definition) -> String {
        definition.parts.map { part in
            switch part {
            case .text(let text): text
            case .column(let name): "‹\(name)›"
            }
        }.joined()
    }

    @Test(
        "in an index are its keys, expressions, INCLUDE and predicate, and nothing else",
        arguments: [
            ("USING btree (status)", "USING btree (‹status›)"),
            (
                "USING btree (status DESC NULLS LAST, lower(status) text_pattern_ops)",
                "USING btree (‹status› DESC NULLS LAST, lower(‹status›) text_pattern_ops)"
            ),
            (
                "USING btree (lower COLLATE \"C\" text_pattern_ops, lower(lower))",
                "USING btree (‹lower› COLLATE \"C\" text_pattern_ops, lower(‹lower›))"
            ),
            (
                "USING btree (((lower || (status)::text))) INCLUDE (a, \"user\")",
                "USING btree (((‹lower› || (‹status›)::text))) INCLUDE (‹a›, ‹user›)"
            ),
            (
                "USING btree (a) WHERE (((status)::text <> 'status'::text) AND (\"Order Items\" > 1))",
                "USING btree (‹a›) WHERE (((‹status›)::text <> 'status'::text) AND (‹Order Items› > 1))"
            ),
            (
                "USING gin (a) WITH (fastupdate=off)",
                "USING gin (‹a›) WITH (fastupdate=off)"
            ),
            (
                "USING btree (\"se\"\"t\", \"USING\", \"where\", btree)",
                "USING btree (‹se\"t›, ‹USING›, ‹where›, ‹btree›)"
            ),
            (
                "USING btree ((\nCASE\n    WHEN (a > 1) THEN b\n    ELSE NULL::integer\nEND), COALESCE(c, 1))",
                "USING btree ((\nCASE\n    WHEN (‹a› > 1) THEN ‹b›\n    ELSE NULL::integer\nEND), COALESCE(‹c›, 1))"
            ),
            (
                "USING btree (\"naïve\", (('naïve a'::text || status)), text)",
                "USING btree (‹naïve›, (('naïve a'::text || ‹status›)), ‹text›)"
            ),
            (
                "USING btree (a NULLS FIRST) NULLS NOT DISTINCT WHERE (b IS NOT NULL)",
                "USING btree (‹a› NULLS FIRST) NULLS NOT DISTINCT WHERE (‹b› IS NOT NULL)"
            ),
            ("USING btree (id)", "USING btree (id)"),
        ])
    func index(text: String, expected: String) {
        for prefix in [
            "CREATE INDEX i ON public.t ", "CREATE UNIQUE INDEX \"USING x\" ON ONLY s.\"a (b\" ",
        ] {
            #expect(marked(.index(prefix + text, columns: Self.columns)) == expected)
        }
    }

    @Test(
        "in a constraint are its own table's, never the referenced one's",
        arguments: [
            (
                "CHECK (((status)::text = ANY (ARRAY['a'::text, 'status'::text])))",
                "CHECK (((‹status›)::text = ANY (ARRAY['a'::text, 'status'::text])))"
            ),
            (
                "CHECK ((lower(lower) <> ''::text)) NOT VALID",
                "CHECK ((lower(‹lower›) <> ''::text)) NOT VALID"
            ),
            (
                "UNIQUE (a, \"Order Items\") INCLUDE (b) DEFERRABLE",
                "UNIQUE (‹a›, ‹Order Items›) INCLUDE (‹b›) DEFERRABLE"
            ),
            ("PRIMARY KEY (a)", "PRIMARY KEY (‹a›)"),
            ("UNIQUE NULLS NOT DISTINCT (a)", "UNIQUE NULLS NOT DISTINCT (‹a›)"),
            (
                "FOREIGN KEY (a, b) REFERENCES p(a, b) ON UPDATE CASCADE ON DELETE SET NULL (b)",
                "FOREIGN KEY (‹a›, ‹b›) REFERENCES p(a, b) ON UPDATE CASCADE ON DELETE SET NULL (‹b›)"
            ),
            (
                "EXCLUDE USING gist (period WITH &&, lower(status) WITH =) WHERE ((a > 0))",
                "EXCLUDE USING gist (‹period› WITH &&, lower(‹status›) WITH =) WHERE ((‹a› > 0))"
            ),
            // PostgreSQL 18.
            ("NOT NULL status", "NOT NULL ‹status›"),
            (
                "FOREIGN KEY (a, PERIOD period) REFERENCES p(a, PERIOD period)",
                "FOREIGN KEY (‹a›, PERIOD ‹period›) REFERENCES p(a, PERIOD period)"
            ),
            ("UNIQUE (a, period WITHOUT OVERLAPS)", "UNIQUE (‹a›, ‹period› WITHOUT OVERLAPS)"),
            // PostgreSQL 16: this parser does not know IS JSON.
            (
                "CHECK (((text IS JSON) AND (b < lower('b'::text)) AND ((c)::text <> '')))",
                "CHECK (((‹text› IS JSON) AND (‹b› < lower('b'::text)) AND ((‹c›)::text <> '')))"
            ),
        ])
    func constraint(text: String, expected: String) {
        #expect(marked(.constraint(text, columns: Self.columns)) == expected)
    }

    @Test(
        "in extended statistics stand between its kinds and FROM",
        arguments: [
            (
                "CREATE STATISTICS public.st (ndistinct, mcv) ON status, a FROM d",
                "(ndistinct, mcv) ON ‹status›, ‹a›"
            ),
            (
                "CREATE STATISTICS st ON a, b, lower(status::text), (a + b) FROM public.\"from\"",
                "ON ‹a›, ‹b›, lower(‹status›::text), (‹a› + ‹b›)"
            ),
        ])
    func statistics(text: String, expected: String) {
        #expect(marked(.statistics(text, columns: Self.columns)) == expected)
    }

    @Test("said again of another column, the text is otherwise the same")
    func renamed() {
        let definition = Definition.index(
            "CREATE INDEX i ON t USING btree (status, lower(status)) WHERE (status <> 'status')",
            columns: ["status"])
        #expect(
            definition.sql(renaming: "status", to: "New Status").text
                == #"USING btree ("New Status", lower("New Status")) WHERE ("New Status" <> 'status')"#
        )
        #expect(definition.columns == ["status"])
    }

    @Test("text that is no definition is kept as it is")
    func nonsense() {
        #expect(Definition.index("what's this", columns: ["a"]).parts == [.text("what's this")])
        #expect(Definition.statistics("", columns: ["a"]).parts == [.text("")])
    }
}
