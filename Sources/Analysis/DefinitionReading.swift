import Migration
import SQLText

/// Finding the places where a definition that the catalogue printed names a column of its table.
///
/// Inside expressions the parser's locations say where; in lists of columns, which have none in the
/// tree, an item that begins with a word is a column unless a function call begins with it (that is
/// the grammar of `index_elem`). What a newer server prints and this parser does not know is read
/// by its tokens alone.
extension Definition {
    /// From `pg_get_indexdef`: what follows `CREATE [UNIQUE] INDEX … ON table`, from `USING` on.
    public static func index(_ text: String, columns: Set<String>) -> Definition {
        guard let reader = DefinitionReader(text, columns: columns) else { return .plain(text) }
        let tokens = reader.tokens
        guard let using = reader.keyword("USING", from: 0),
            let list = reader.punctuation("(", from: using)
        else { return .plain(text) }
        var places = reader.items(ofListAt: list)
        if let include = reader.keyword("INCLUDE", from: list) {
            places += reader.items(ofListAt: include + 1)
        }
        places += reader.references(inStatement: text, offset: 0)
        return reader.definition(places, from: tokens[using].start)
    }

    /// The same of an index in a tablespace, which `pg_get_indexdef` does not print: it stands before
    /// the predicate (manual, "CREATE INDEX").
    public static func index(
        _ text: String, columns: Set<String>, tablespace: String
    ) -> Definition {
        let clause = "TABLESPACE \(Identifier(tablespace).quoted)"
        guard let reader = DefinitionReader(text, columns: columns),
            let using = reader.keyword("USING", from: 0),
            let place = reader.keyword("WHERE", from: using).map({ reader.tokens[$0].start })
        else { return index(text + " " + clause, columns: columns) }
        let before = String(decoding: reader.bytes[..<place], as: UTF8.self)
        let after = String(decoding: reader.bytes[place...], as: UTF8.self)
        return index(before + clause + " " + after, columns: columns)
    }

    /// From `pg_get_constraintdef`: `CHECK (…)`, `FOREIGN KEY (…) REFERENCES …`, `UNIQUE (…)`. The
    /// referenced columns of a foreign key are another table's.
    public static func constraint(_ text: String, columns: Set<String>) -> Definition {
        guard let reader = DefinitionReader(text, columns: columns),
            let first = reader.tokens.first
        else { return .plain(text) }
        let prefix = "ALTER TABLE t ADD CONSTRAINT c "
        var places: [DefinitionReader.Place] = []
        if first.isKeyword("NOT") {
            // PostgreSQL 18: `NOT NULL column`.
            places = reader.place(2).map { [$0] } ?? []
        } else if !first.isKeyword("CHECK") {
            if let list = reader.punctuation("(", from: 0) {
                places += reader.items(ofListAt: list)
            }
            if let include = reader.keyword("INCLUDE", from: 0) {
                places += reader.items(ofListAt: include + 1)
            }
            // ON DELETE SET NULL (…): columns of this table.
            for index in reader.tokens.indices.dropFirst()
            where reader.tokens[index - 1].isKeyword("SET")
                && ["NULL", "DEFAULT"].contains(where: reader.tokens[index].isKeyword)
            {
                places += reader.items(ofListAt: index + 1)
            }
        }
        if first.isKeyword("CHECK") || first.isKeyword("EXCLUDE") {
            places += reader.references(inStatement: prefix + text, offset: prefix.utf8.count)
        }
        return reader.definition(places, from: 0)
    }

    /// From `pg_get_statisticsobjdef`: what stands between the statistics' name and `FROM`.
    public static func statistics(_ text: String, columns: Set<String>) -> Definition {
        guard let reader = DefinitionReader(text, columns: columns),
            let statistics = reader.keyword("STATISTICS", from: 0),
            let on = reader.keyword("ON", from: statistics),
            let from = reader.tokens.indices.last(where: {
                reader.depths[$0] == 0 && reader.tokens[$0].isKeyword("FROM")
            }), on < from, reader.tokens.count > statistics + 3
        else { return .plain(text) }
        let isQualified = reader.tokens[statistics + 2].isPunctuation(".")
        let start = reader.tokens[statistics + (isQualified ? 4 : 2)].start
        var places = reader.items(after: on, until: from, depth: 0)
        places += reader.references(inStatement: text, offset: 0)
        return reader.definition(places, from: start, to: reader.tokens[from - 1].end)
    }

    fileprivate static func plain(_ text: String) -> Definition {
        Definition(parts: [.text(text)])
    }
}

/// A definition's tokens, and the columns that it may name.
private struct DefinitionReader {
    /// A column's name and the bytes that it takes.
    struct Place: Hashable {
        let name: String
        let start: Int
        let end: Int
    }

    let bytes: [UInt8]
    let tokens: [Token]
    /// How many parentheses are open before each token.
    let depths: [Int]
    let columns: Set<String>

    init?(_ text: String, columns: Set<String>) {
        guard let scanned = try? Tokens(text) else { return nil }
        bytes = scanned.bytes
        tokens = scanned.significant
        self.columns = columns
        var depth = 0
        depths = tokens.map { token in
            if token.isPunctuation(")") { depth -= 1 }
            defer { if token.isPunctuation("(") { depth += 1 } }
            return depth
        }
    }

    func keyword(_ word: String, from: Int) -> Int? {
        tokens.indices.first { $0 >= from && depths[$0] == 0 && tokens[$0].isKeyword(word) }
    }

    func punctuation(_ character: Character, from: Int) -> Int? {
        tokens.indices.first { $0 >= from && tokens[$0].isPunctuation(character) }
    }

    func place(_ index: Int) -> Place? {
        guard tokens.indices.contains(index), let name = tokens[index].name,
            columns.contains(name)
        else { return nil }
        return Place(name: name, start: tokens[index].start, end: tokens[index].end)
    }

    /// The columns among the items of a parenthesised list.
    func items(ofListAt open: Int) -> [Place] {
        guard tokens.indices.contains(open), tokens[open].isPunctuation("(") else { return [] }
        let close = tokens.indices.first {
            $0 > open && tokens[$0].isPunctuation(")") && depths[$0] == depths[open]
        }
        return items(after: open, until: close ?? tokens.count, depth: depths[open] + 1)
    }

    func items(after: Int, until: Int, depth: Int) -> [Place] {
        var places: [Place] = []
        for index in tokens.indices where index > after && index < until {
            let begins =
                index == after + 1
                || (tokens[index - 1].isPunctuation(",") && depths[index - 1] == depth)
            guard begins else { continue }
            // PostgreSQL 18: FOREIGN KEY (a, PERIOD b).
            let isPeriod =
                tokens.first?.isKeyword("FOREIGN") == true
                && tokens[index].isKeyword("PERIOD") && index + 1 < until
                && tokens[index + 1].kind == .word
            let item = isPeriod ? index + 1 : index
            let startsCall =
                item + 1 < until
                && (tokens[item + 1].isPunctuation("(") || tokens[item + 1].isPunctuation("."))
            if !startsCall, let place = place(item) { places.append(place) }
        }
        return places
    }

    /// The columns that expressions name. `offset` is where this text begins in the statement.
    func references(inStatement statement: String, offset: Int) -> [Place] {
        guard let tree = try? ParseTree(statement) else { return referencesByTokens() }
        var places: [Place] = []
        for parsed in tree.statements {
            parsed.node.visit { type, fields in
                guard type == "ColumnRef", let location = fields["location"].integer,
                    let index = tokens.firstIndex(where: { $0.start == location - offset })
                else { return true }
                // A qualified name's column is its last part.
                let last = index + 2 * (max(1, fields["fields"].names.count) - 1)
                if fields["fields"].items.last?.typed?.type != "A_Star", let place = place(last) {
                    places.append(place)
                }
                return true
            }
        }
        return places
    }

    /// Words inside parentheses that are names of columns, and are no function, type, or part of a
    /// longer name.
    private func referencesByTokens() -> [Place] {
        tokens.indices.compactMap { index in
            guard depths[index] > 0 else { return nil }
            let before = index > 0 ? tokens[index - 1].text : ""
            let after = index + 1 < tokens.count ? tokens[index + 1].text : ""
            guard before != "::", before != ".", after != "(", after != "." else { return nil }
            return place(index)
        }
    }

    func definition(_ places: [Place], from: Int, to: Int? = nil) -> Definition {
        let end = to ?? bytes.count
        var parts: [Definition.Part] = []
        var position = from
        for place in Set(places).sorted(by: { $0.start < $1.start })
        where place.start >= position && place.end <= end {
            if place.start > position { parts.append(.text(text(position..<place.start))) }
            parts.append(.column(place.name))
            position = place.end
        }
        if position < end { parts.append(.text(text(position..<end))) }
        return Definition(parts: parts)
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}
