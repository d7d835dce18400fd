/// Which table lock modes exclude each other (manual, "Explicit Locking", table 13.2), in the words
/// of PostgreSQL's manual and in those of `pg_locks.mode`.
///
/// Monitor knows nothing of migrations, so it has the table of its own.
enum TableLockConflicts {
    /// Weakest first; each with the modes that it excludes.
    private static let table: [(mode: String, excludes: [String])] = [
        ("ACCESS SHARE", ["ACCESS EXCLUSIVE"]),
        ("ROW SHARE", ["EXCLUSIVE", "ACCESS EXCLUSIVE"]),
        ("ROW EXCLUSIVE", ["SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"]),
        (
            "SHARE UPDATE EXCLUSIVE",
            [
                "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE",
                "ACCESS EXCLUSIVE",
            ]
        ),
        (
            "SHARE",
            [
                "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE",
                "ACCESS EXCLUSIVE",
            ]
        ),
        (
            "SHARE ROW EXCLUSIVE",
            [
                "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE",
                "EXCLUSIVE", "ACCESS EXCLUSIVE",
            ]
        ),
        (
            "EXCLUSIVE",
            [
                "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
                "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE",
            ]
        ),
        (
            "ACCESS EXCLUSIVE",
            [
                "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
                "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE",
            ]
        ),
    ]

    /// The modes that somebody who wants `mode` can't have beside it; all of them for a word that
    /// is no mode, because a conflict that is not there costs less than one that is missed.
    static func excluded(by mode: String) -> [String] {
        table.first { $0.mode == mode }?.excludes ?? table.map(\.mode)
    }

    /// `ACCESS EXCLUSIVE` as `pg_locks.mode` writes it: `AccessExclusiveLock`.
    static func catalogName(_ words: String) -> String {
        words.split(separator: " ").map { $0.prefix(1) + $0.dropFirst().lowercased() }.joined()
            + "Lock"
    }

    /// `AccessExclusiveLock` in words: `ACCESS EXCLUSIVE`. Also of modes that are no table lock's
    /// (`SIReadLock`), as well as it goes.
    static func words(_ catalogName: String) -> String {
        let name = catalogName.hasSuffix("Lock") ? catalogName.dropLast(4) : catalogName[...]
        var words = ""
        for character in name {
            if character.isUppercase, words.last?.isLowercase == true { words += " " }
            words.append(character)
        }
        return words.split(separator: " ").map { $0.uppercased() }.joined(separator: " ")
    }
}
