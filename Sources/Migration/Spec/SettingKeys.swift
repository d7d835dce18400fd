import Foundation

/// Every setting, by its dotted key, with how its text is read: one table for the spec file and for
/// `lockkeeper set`.
struct SettingKey: Sendable {
    let key: String
    let read: @Sendable (Value, inout Settings) throws(SpecError) -> Void

    static let all: [SettingKey] = [
        SettingKey(key: "stall_budget") { value, settings throws(SpecError) in
            settings.stallBudgetMilliseconds = try value.milliseconds(atLeast: 1)
        },
        SettingKey(key: "backfill.batch") { value, settings throws(SpecError) in
            settings.backfill.batchMilliseconds = try value.milliseconds(atLeast: 1)
        },
        SettingKey(key: "backfill.workers") { value, settings throws(SpecError) in
            settings.backfill.workers = try value.integer("\"workers\"", in: 1...16)
        },
        SettingKey(key: "backfill.pause") { value, settings throws(SpecError) in
            settings.backfill.pauseMilliseconds = try value.milliseconds(atLeast: 0)
        },
        SettingKey(key: "backfill.vacuum_every") { value, settings throws(SpecError) in
            settings.backfill.vacuumEveryPercent = try value.percentOrNull()
        },
        SettingKey(key: "throttle.replication_lag") { value, settings throws(SpecError) in
            settings.throttle.replicationLagSeconds =
                value.isNull ? nil : Double(try value.milliseconds(atLeast: 0)) / 1000
        },
        SettingKey(key: "throttle.lock_waiters") { value, settings throws(SpecError) in
            settings.throttle.lockWaiters =
                value.isNull ? nil : try value.integer("\"lock_waiters\"", in: 0...100_000)
        },
        SettingKey(key: "throttle.active_sessions") { value, settings throws(SpecError) in
            settings.throttle.activeSessions =
                value.isNull ? nil : try value.integer("\"active_sessions\"", in: 1...100_000)
        },
        SettingKey(key: "throttle.wal_rate") { value, settings throws(SpecError) in
            settings.throttle.walRate = try value.bytesOrNull()
        },
        SettingKey(key: "throttle.retained_wal") { value, settings throws(SpecError) in
            settings.throttle.retainedWAL = try value.bytesOrNull()
        },
        SettingKey(key: "throttle.query") { value, settings throws(SpecError) in
            settings.throttle.query = value.isNull ? nil : try value.string("\"query\"")
        },
        SettingKey(key: "quarantine") { value, settings throws(SpecError) in
            settings.quarantineSeconds = try value.milliseconds(atLeast: 0) / 1000
        },
        SettingKey(key: "window.opens") { value, settings throws(SpecError) in
            let closes = settings.window?.closes
            settings.window = try MigrationWindow(opens: value.instantOrNull(), closes: closes)
            try value.check(settings.window)
        },
        SettingKey(key: "window.closes") { value, settings throws(SpecError) in
            let opens = settings.window?.opens
            settings.window = try MigrationWindow(opens: opens, closes: value.instantOrNull())
            try value.check(settings.window)
        },
    ]

    /// The keys directly under a group (`backfill`), or those at the top where `group` is nil.
    static func names(in group: String?) -> [String] {
        var names: [String] = []
        for parts in all.map({ $0.key.split(separator: ".").map(String.init) }) {
            let name: String? =
                if let group { parts.count == 2 && parts[0] == group ? parts[1] : nil } else {
                    parts[0]
                }
            if let name, !names.contains(name) { names.append(name) }
        }
        return names
    }
}

extension Settings {
    init(_ value: Value) throws(SpecError) {
        self.init()
        let fields = try Fields(value, what: "settings", known: SettingKey.names(in: nil))
        for entry in fields.entries {
            let group = SettingKey.names(in: entry.key)
            guard !group.isEmpty else {
                try read(entry.key, entry.value)
                continue
            }
            // `window: null` and `throttle: null` leave the group as it is by default.
            if entry.value.isNull { continue }
            let inner = try Fields(entry.value, what: "settings.\(entry.key)", known: group)
            for setting in inner.entries {
                try read("\(entry.key).\(setting.key)", setting.value)
            }
        }
    }

    private mutating func read(_ key: String, _ value: Value) throws(SpecError) {
        try SettingKey.all.first { $0.key == key }?.read(value, &self)
    }

    /// Changes one setting by its dotted key, read exactly as in the spec: `backfill.batch`, `50ms`.
    /// `null` switches off what may be switched off. Throws with a sentence for the operator.
    public mutating func apply(key: String, value: String) throws(SpecError) {
        guard let setting = SettingKey.all.first(where: { $0.key == key }) else {
            let known = SettingKey.all.map(\.key)
            throw SpecError(
                file: "set", mark: SourceMark(line: 1, column: 1),
                message: "there is no setting \"\(key)\"",
                suggestion: Suggestion.didYouMean(key, among: known)
                    ?? "there are \(known.joined(separator: ", "))")
        }
        var changed = self
        try setting.read(Value(scalar: value, file: "set \(key)"), &changed)
        self = changed
    }
}

extension Value {
    package func milliseconds(atLeast minimum: Int) throws(SpecError) -> Int {
        let text = try string("a duration")
        guard let milliseconds = Quantities.milliseconds(text) else {
            throw error(
                "\"\(text)\" is no duration; write a number with ms, s, m, h or d: 100ms, 1m30s, 24h"
            )
        }
        guard milliseconds >= minimum else {
            throw error("\"\(text)\" is too short; give at least \(minimum)ms")
        }
        return milliseconds
    }

    func percentOrNull() throws(SpecError) -> Double? {
        if isNull { return nil }
        let text = try string("a share")
        guard let percent = Quantities.percent(text) else {
            throw error("\"\(text)\" is no share; write 10%, or null for never")
        }
        return percent
    }

    func bytesOrNull() throws(SpecError) -> Int? {
        if isNull { return nil }
        let text = try string("a rate")
        guard let bytes = Quantities.bytes(text), bytes > 0 else {
            throw error("\"\(text)\" is no rate; write bytes a second: 10MB, or null for no limit")
        }
        return bytes
    }

    func instantOrNull() throws(SpecError) -> Date? {
        if isNull { return nil }
        let text = try string("a time")
        guard let instant = Quantities.instant(text) else {
            throw error(
                "\"\(text)\" is no time; write RFC 3339 with its zone: 2026-11-23T22:00:00Z")
        }
        return instant
    }

    func check(_ window: MigrationWindow?) throws(SpecError) {
        if let opens = window?.opens, let closes = window?.closes, closes <= opens {
            throw error("the window closes before it opens; swap them or correct one")
        }
    }
}
