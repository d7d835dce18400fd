import Postgres

/// The journal's tables, in schema `lockkeeper` of the database that is migrated.
///
/// Every table has a primary key, so that a publication of all tables survives it. Created by the
/// first `run` and dropped by `lockkeeper uninstall`; the functions of the sync triggers live in the
/// same schema.
enum JournalSchema {
    static let name = Identifier("lockkeeper")
    /// Raised by every change to the tables; a program never works on a newer journal than its own, and
    /// brings an older one up to its own before it writes to it.
    static let version = 2
    /// The version from which commands say whether they were taken, and watchers are known.
    static let versionWithWatchers = 2
    /// `NOTIFY` channel on which commands are announced.
    static let channel = Identifier("lockkeeper")
    /// First key of the session advisory lock of a migration's engine ("LK"); the second is its id.
    static let advisoryClass = 0x4C4B
    /// First key of the shared advisory lock of every session that an engine works in.
    static let sessionClass = 0x4C4C
    /// First key of the shared advisory lock of every session of somebody who looks on.
    static let watcherClass = 0x4C4D

    /// Makes the journal, or brings an older one up to `version`. One transaction; runs twice without
    /// harm. Takes no lock on any table of the application's; ACCESS EXCLUSIVE on those of an older
    /// journal that change, for as long as it takes to note a column.
    static func create(withSchema: Bool) -> [SQL] {
        [
            "BEGIN",
            // Two first runs at once: the second waits here for the first.
            "SELECT pg_catalog.pg_advisory_xact_lock(\(advisoryClass), 0)",
        ] + (withSchema ? ["CREATE SCHEMA IF NOT EXISTS \(name)"] : []) + tables + changes
            + ["COMMIT"]
    }

    /// The tables as the first version made them; what came later is in `changes`, so that an older
    /// journal and a new one go the same way.
    private static let tables: [SQL] = [
        """
        CREATE TABLE IF NOT EXISTS lockkeeper.meta (
          only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
          version integer NOT NULL,
          created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp())
        """,
        """
        INSERT INTO lockkeeper.meta AS m (version) VALUES (\(version))
        ON CONFLICT (only_row) DO UPDATE SET version = greatest(m.version, excluded.version)
        """,
        """
        CREATE TABLE IF NOT EXISTS lockkeeper.migrations (
          id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          name text NOT NULL,
          spec text NOT NULL,
          spec_file text NOT NULL,
          identity text NOT NULL,
          plan jsonb NOT NULL,
          facts jsonb NOT NULL,
          checklist jsonb NOT NULL,
          settings jsonb NOT NULL,
          state text NOT NULL DEFAULT 'active'
            CHECK (state IN ('active', 'finished', 'rolled_back')),
          direction jsonb NOT NULL,
          paused_by text,
          failure text,
          worst_wait_ms double precision,
          started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
          updated_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
          finished_at timestamptz)
        """,
        """
        CREATE UNIQUE INDEX IF NOT EXISTS migrations_active
          ON lockkeeper.migrations (name) WHERE state = 'active'
        """,
        // Apart from the migration's row, which is updated while batches hold this one FOR SHARE.
        """
        CREATE TABLE IF NOT EXISTS lockkeeper.fences (
          migration integer PRIMARY KEY REFERENCES lockkeeper.migrations ON DELETE CASCADE,
          token text NOT NULL)
        """,
        """
        CREATE TABLE IF NOT EXISTS lockkeeper.engines (
          migration integer PRIMARY KEY REFERENCES lockkeeper.migrations ON DELETE CASCADE,
          host text NOT NULL,
          pid integer NOT NULL,
          os_user text NOT NULL,
          backend_pid integer NOT NULL,
          interactive boolean NOT NULL,
          heartbeat_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp())
        """,
        """
        CREATE TABLE IF NOT EXISTS lockkeeper.steps (
          migration integer NOT NULL REFERENCES lockkeeper.migrations ON DELETE CASCADE,
          step text NOT NULL,
          state text NOT NULL CHECK (state IN ('pending', 'running', 'done', 'failed', 'undone')),
          started_at timestamptz,
          finished_at timestamptz,
          tries integer NOT NULL DEFAULT 0,
          error text,
          PRIMARY KEY (migration, step))
        """,
        """
        CREATE TABLE IF NOT EXISTS lockkeeper.backfills (
          migration integer NOT NULL REFERENCES lockkeeper.migrations ON DELETE CASCADE,
          step text NOT NULL,
          relfilenode oid NOT NULL,
          blocks bigint NOT NULL,
          done int8multirange NOT NULL DEFAULT '{}',
          skipped int8multirange NOT NULL DEFAULT '{}',
          rows_filled bigint NOT NULL DEFAULT 0,
          pass integer NOT NULL DEFAULT 1,
          rows_in_pass bigint NOT NULL DEFAULT 0,
          vacuumed_at_block bigint NOT NULL DEFAULT 0,
          PRIMARY KEY (migration, step))
        """,
        """
        CREATE TABLE IF NOT EXISTS lockkeeper.approvals (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          migration integer NOT NULL REFERENCES lockkeeper.migrations ON DELETE CASCADE,
          kind text NOT NULL,
          subject text NOT NULL,
          db_user text NOT NULL DEFAULT session_user,
          os_user text NOT NULL,
          host text NOT NULL,
          reason text,
          at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
          withdrawn_at timestamptz)
        """,
        """
        CREATE TABLE IF NOT EXISTS lockkeeper.commands (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          migration integer NOT NULL REFERENCES lockkeeper.migrations ON DELETE CASCADE,
          action jsonb NOT NULL,
          db_user text NOT NULL DEFAULT session_user,
          os_user text NOT NULL,
          host text NOT NULL,
          at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
          answered_at timestamptz,
          refusal text)
        """,
        """
        CREATE TABLE IF NOT EXISTS lockkeeper.events (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          migration integer NOT NULL REFERENCES lockkeeper.migrations ON DELETE CASCADE,
          at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
          kind text NOT NULL,
          phase text,
          step text,
          text text NOT NULL,
          fields jsonb NOT NULL DEFAULT '{}',
          db_user text NOT NULL DEFAULT session_user,
          os_user text NOT NULL,
          host text NOT NULL)
        """,
        "CREATE INDEX IF NOT EXISTS events_of ON lockkeeper.events (migration, id)",
    ]

    private static let changes: [SQL] = [
        // 2: a command is taken before it is answered; an engine tells its live state; watchers.
        "ALTER TABLE lockkeeper.commands ADD COLUMN IF NOT EXISTS taken_at timestamptz",
        "ALTER TABLE lockkeeper.engines ADD COLUMN IF NOT EXISTS report jsonb",
        """
        CREATE TABLE IF NOT EXISTS lockkeeper.watchers (
          migration integer NOT NULL REFERENCES lockkeeper.migrations ON DELETE CASCADE,
          backend_pid integer NOT NULL,
          db_user text NOT NULL DEFAULT session_user,
          os_user text NOT NULL,
          host text NOT NULL,
          since timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
          PRIMARY KEY (migration, backend_pid))
        """,
    ]
}
