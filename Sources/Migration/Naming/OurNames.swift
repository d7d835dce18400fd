import SQLText

/// The names of what we put into a database. Each is made from the spec and the facts alone, so that
/// the same plan has the same names, and each fits PostgreSQL's 63 bytes.
enum OurNames {
    static let schema = Identifier("lockkeeper")

    /// The value of `lockkeeper.fill` while this operation's fill writes: `orders-status/1`.
    static func operationID(_ migration: String, _ number: Int) -> String {
        "\(migration)/\(number)"
    }

    /// `lockkeeper."sync_orders-status_1"`. A migration's name has at most 40 bytes, so it fits.
    static func syncFunction(_ migration: String, _ number: Int) -> QualifiedName {
        QualifiedName(schema: schema, name: Identifier("sync_\(migration)_\(number)"))
    }

    /// `lockkeeper."fits_orders-status_1"`: whether the old side can hold what `down` gives.
    static func fitsFunction(_ migration: String, _ number: Int) -> QualifiedName {
        QualifiedName(schema: schema, name: Identifier("fits_\(migration)_\(number)"))
    }

    /// `lockkeeper."kept_orders-status_1"`: what an operation's fill wrote over.
    static func store(_ migration: String, _ number: Int) -> QualifiedName {
        QualifiedName(schema: schema, name: Identifier("kept_\(migration)_\(number)"))
    }

    /// A trigger name behind every other BEFORE ROW trigger's of the table.
    ///
    /// PostgreSQL fires triggers of one kind in the order of their names' bytes (manual, "Overview of
    /// Trigger Behavior"), and one that fires behind ours could undo the sync. `zz_` is behind what
    /// people write; `~` behind all of ASCII; U+10FFFF, whose bytes are the last that UTF-8 has, behind the rest.
    static func syncTrigger(
        _ migration: String, _ number: Int, behind others: [String]
    ) -> Identifier {
        let last = others.max { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) } ?? ""
        let name = "lockkeeper_\(hash(migration))_\(number)"
        for prefix in ["zz_", "~~", "\u{10FFFD}", "\u{10FFFF}\u{10FFFF}"] {
            let candidate = prefix + name
            if Array(last.utf8).lexicographicallyPrecedes(Array(candidate.utf8)) {
                return Identifier(candidate)
            }
        }
        return Identifier(String(repeating: "\u{10FFFF}", count: 9) + name)
    }

    /// The name of a quarantined column: `lk_` and a hash, which no application uses, and as much of
    /// the real name's end as fits, for the person who looks at `\d`.
    static func quarantine(
        _ migration: String, _ table: TableFacts, column: String
    ) -> Identifier {
        let mark = hash("\(migration)\u{1F}\(table.name.quoted)\u{1F}\(column)")
        let wanted = fit("lk_\(mark)_", tail: column)
        // An earlier run of this migration may have been rolled back to a quarantined column.
        return Identifier(free(wanted, taken: Set(table.columns.map(\.name))))
    }

    /// The check that proves NOT NULL to PostgreSQL without a scan under a strong lock.
    static func notNullCheck(
        _ migration: String, _ table: QualifiedName, column: String
    ) -> Identifier {
        let mark = hash("\(migration)\u{1F}\(table.quoted)\u{1F}\(column)")
        return Identifier(fit("lk_\(mark)_", tail: column, end: "_not_null"))
    }

    /// The check that holds a column to the limit of a type that it had.
    static func typeLimit(
        _ migration: String, _ table: QualifiedName, column: String
    ) -> Identifier {
        let mark = hash("\(migration)\u{1F}\(table.quoted)\u{1F}\(column)")
        return Identifier(fit("lk_\(mark)_", tail: column, end: "_limit"))
    }

    /// A free name for the copy of an index or constraint: the old name with the new column's name in
    /// the old one's place, or behind it; within 63 bytes and unlike any in `taken`.
    static func copy(
        of name: String, replacing old: String, with new: String, taken: Set<String>
    ) -> String {
        let replaced = replacingWord(old, with: new, in: name)
        let wanted = replaced == name ? name + "_" + new : replaced
        return free(wanted, taken: taken)
    }

    /// `wanted`, cut to fit, with a number behind it where it is taken.
    static func free(_ wanted: String, taken: Set<String>) -> String {
        var candidate = cut(wanted, bytes: Identifier.maximumBytes)
        var number = 1
        while taken.contains(candidate) {
            number += 1
            let end = "_\(number)"
            candidate = cut(wanted, bytes: Identifier.maximumBytes - end.utf8.count) + end
        }
        return candidate
    }

    /// FNV-1a, 32 bits, as eight hexadecimal digits. It tells names apart; it guards nothing.
    static func hash(_ text: String) -> String {
        var hash: UInt32 = 2_166_136_261
        for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// `lk_1a2b3c4d_` and the end of the real name.
    static func quarantined(_ hash: String, tail: String) -> String {
        fit("lk_\(hash)_", tail: tail)
    }

    private static func fit(_ start: String, tail: String, end: String = "") -> String {
        let room = Identifier.maximumBytes - start.utf8.count - end.utf8.count
        var kept = tail.unicodeScalars[...]
        while String(kept).utf8.count > room { kept = kept.dropFirst() }
        return start + String(kept) + end
    }

    static func cut(_ text: String, bytes: Int) -> String {
        var kept = text.unicodeScalars[...]
        while String(kept).utf8.count > bytes { kept = kept.dropLast() }
        return String(kept)
    }

    /// Replaces a word that stands between the ends of the name or underscores.
    private static func replacingWord(
        _ old: String, with new: String, in name: String
    ) -> String {
        let ranges = name.ranges(of: old).filter { range in
            let startsWord =
                range.lowerBound == name.startIndex
                || !isWord(name[name.index(before: range.lowerBound)])
            let endsWord = range.upperBound == name.endIndex || !isWord(name[range.upperBound])
            return startsWord && endsWord
        }
        guard let range = ranges.last else { return name }
        return name.replacingCharacters(in: range, with: new)
    }

    private static func isWord(_ letter: Character) -> Bool { letter.isLetter || letter.isNumber }
}

extension String {
    fileprivate func replacingCharacters(
        in range: Range<String.Index>, with text: String
    ) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}
