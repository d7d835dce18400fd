import Engine
import Postgres

/// What a database or a role may have set.
extension Fault {
    static let settings = Fault(
        name: "settings", weight: 2,
        prepare: { scene in
            var draw = SeededRandom(scene.trial.random)
            for setting in odd.shuffled(using: &draw).prefix(12) { try await scene.set(setting) }
        },
        heal: { try await $0.resetSettings() })

    /// Every timeout that there is, and short.
    static let timeouts = Fault(
        name: "timeouts", weight: 2,
        prepare: { scene in
            var all = [
                "statement_timeout = 25", "lock_timeout = 5",
                "idle_in_transaction_session_timeout = 10", "idle_session_timeout = 100",
                "deadlock_timeout = 1",
            ]
            let version = try await scene.value("SHOW server_version_num")
            if Int(version ?? "") ?? 0 >= 170_000 { all.append("transaction_timeout = 30") }
            for setting in all { try await scene.set(setting) }
        },
        heal: { try await $0.resetSettings() })

    private static let odd = [
        "default_transaction_read_only = on", "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on", "DateStyle = 'SQL, DMY'",
        "IntervalStyle = 'sql_standard'", "TimeZone = 'Asia/Kathmandu'",
        "standard_conforming_strings = off", "bytea_output = 'escape'",
        "extra_float_digits = -15", "quote_all_identifiers = on", "enable_tidscan = off",
        "enable_seqscan = off", "enable_indexscan = off", "synchronous_commit = off",
        "row_security = off", "check_function_bodies = off", "transform_null_equals = on",
        "plan_cache_mode = 'force_generic_plan'", "array_nulls = off",
        "client_min_messages = 'debug5'", "jit = on", "jit_above_cost = 0",
        "search_path = public, pg_catalog", "client_encoding = 'LATIN1'",
        "default_statistics_target = 1", "force_parallel_mode = on",
        "temp_buffers = '800kB'", "work_mem = '64kB'", "lo_compat_privileges = on",
    ]
}

extension Scene {
    /// So that dumps can be compared.
    fileprivate func resetSettings() async throws {
        try await run(
            "ALTER DATABASE \(Identifier(database)) RESET ALL",
            "ALTER ROLE postgres IN DATABASE \(Identifier(database)) RESET ALL")
    }

    /// For every new session of the database, or of the role in it; what a server does not know is left
    /// out.
    fileprivate func set(_ setting: String) async throws {
        do {
            try await run(
                trial.number % 2 == 0
                    ? "ALTER DATABASE \(Identifier(database)) SET \(SQL(writtenByUser: setting))"
                    : "ALTER ROLE postgres IN DATABASE \(Identifier(database)) SET \(SQL(writtenByUser: setting))"
            )
            tell((trial.number % 2 == 0 ? "database: " : "role: ") + setting)
        } catch let error as ServerError where error.sqlState.rawValue == "42704" {
            tell("unknown here: \(setting)")
        }
    }
}
