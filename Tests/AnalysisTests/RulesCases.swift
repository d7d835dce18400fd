import Testing

/// For each rule the SQL that must trigger it, the findings marked where they are, and SQL that must
/// not.
struct RuleCase: Sendable, CustomTestStringConvertible {
    let rule: String
    let finds: [String]
    let passes: [String]

    var testDescription: String { rule }

    static let all: [RuleCase] = [
        RuleCase(
            rule: "add-column-rewrite",
            finds: [
                "ALTER TABLE t 👉ADD COLUMN a uuid DEFAULT gen_random_uuid();",
                "ALTER TABLE t ADD COLUMN a int, 👉ADD COLUMN b bigserial",
                "ALTER TABLE ONLY s.t 👉ADD a bigint GENERATED ALWAYS AS IDENTITY;",
                "ALTER TABLE t 👉ADD a int GENERATED ALWAYS AS (b * 2) STORED;",
                "ALTER TABLE t 👉ADD a timestamptz DEFAULT clock_timestamp()",
            ],
            passes: [
                "ALTER TABLE t ADD a timestamptz NOT NULL DEFAULT now()",
                "ALTER TABLE t ADD a int DEFAULT 5", "CREATE TABLE t (a serial)",
            ]),
        RuleCase(
            rule: "add-column-not-null",
            finds: ["ALTER TABLE t ADD a int, 👉ADD b text NOT NULL"],
            passes: [
                "ALTER TABLE t ADD a int NOT NULL DEFAULT 0", "ALTER TABLE t ADD a int",
                "CREATE TABLE t (); ALTER TABLE t ADD a int NOT NULL",
            ]),
        RuleCase(
            rule: "add-column-constraint",
            finds: [
                "ALTER TABLE t ADD a int 👉CHECK (a > 0)", "ALTER TABLE t ADD a int 👉UNIQUE",
                "ALTER TABLE t ADD a int DEFAULT 1 👉REFERENCES u (id)",
            ],
            passes: ["ALTER TABLE t ADD a int REFERENCES u (id)"]),
        RuleCase(
            rule: "type-change",
            finds: [
                "ALTER TABLE t 👉ALTER COLUMN a TYPE bigint",
                "ALTER TABLE t 👉ALTER a TYPE text USING a::text",
                "ALTER TABLE t 👉ALTER a TYPE varchar(100); ALTER TABLE t 👉ALTER a TYPE varchar(50)",
            ],
            passes: [
                "CREATE TABLE t (a int); ALTER TABLE t ALTER a TYPE bigint",
                "ALTER TABLE t ADD a varchar(50); ALTER TABLE t ALTER a TYPE varchar(100)",
                "ALTER TABLE t ADD a varchar(50); ALTER TABLE t ALTER a TYPE text",
                "ALTER TABLE t ADD a numeric(10,2); ALTER TABLE t ALTER a TYPE numeric(12,2)",
            ]),
        RuleCase(
            rule: "table-rewrite",
            finds: [
                "👉VACUUM FULL t", "👉CLUSTER t USING i", "ALTER TABLE t 👉SET UNLOGGED",
                "ALTER TABLE t 👉SET TABLESPACE fast",
            ],
            passes: ["VACUUM t", "VACUUM (FULL false) t", "ALTER TABLE t SET (fillfactor = 70)"]),
        RuleCase(
            rule: "set-not-null",
            finds: [
                "ALTER TABLE t 👉ALTER COLUMN a SET NOT NULL",
                "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE t 👉ALTER a SET NOT NULL",
            ],
            passes: [
                "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c; ALTER TABLE t ALTER a SET NOT NULL",
                "ALTER TABLE t ALTER a DROP NOT NULL",
            ]),
        RuleCase(
            rule: "add-check",
            finds: [
                "ALTER TABLE t 👉ADD CONSTRAINT c CHECK (a > 0)", "ALTER TABLE t 👉ADD CHECK (a>0)",
            ],
            passes: [
                "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
                "CREATE TABLE t (a int CHECK (a > 0))",
            ]),
        RuleCase(
            rule: "add-foreign-key",
            finds: ["ALTER TABLE t 👉ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (id)"],
            passes: ["ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id) NOT VALID"]),
        RuleCase(
            rule: "validate-in-transaction",
            finds: [
                "BEGIN; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t 👉VALIDATE CONSTRAINT c; COMMIT"
            ],
            passes: [
                "BEGIN; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; COMMIT; ALTER TABLE t VALIDATE CONSTRAINT c",
                "BEGIN; ALTER TABLE t VALIDATE CONSTRAINT c; COMMIT",
            ]),
        RuleCase(
            rule: "add-unique",
            finds: ["ALTER TABLE t 👉ADD UNIQUE (a)", "ALTER TABLE t 👉ADD PRIMARY KEY (id)"],
            passes: ["ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX i"]),
        RuleCase(
            rule: "add-exclusion",
            finds: ["ALTER TABLE t 👉ADD EXCLUDE USING gist (r WITH &&)"],
            passes: ["CREATE TABLE t (r int4range, EXCLUDE USING gist (r WITH &&))"]),
        RuleCase(
            rule: "domain-constraint",
            finds: ["👉ALTER DOMAIN d ADD CONSTRAINT c CHECK (value > 0)"],
            passes: [
                "ALTER DOMAIN d ADD CONSTRAINT c CHECK (value > 0) NOT VALID",
                "ALTER DOMAIN d SET DEFAULT 1",
            ]),
        RuleCase(
            rule: "index-not-concurrent",
            finds: [
                "👉CREATE INDEX i ON t (a)", "👉CREATE UNIQUE INDEX ON s.t (a)",
                "CREATE TABLE t (a int); 👉CREATE INDEX ON u (a)",
            ],
            passes: [
                "CREATE INDEX CONCURRENTLY i ON t (a)",
                "CREATE TABLE t (a int); CREATE INDEX ON t (a)",
                "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a; CREATE INDEX ON m (a)",
                "CREATE TABLE t (a int); ALTER TABLE t RENAME TO u; CREATE INDEX ON u (a)",
                "CREATE TABLE public.t (a int); CREATE INDEX ON t (a)",
            ]),
        RuleCase(
            rule: "reindex-not-concurrent",
            finds: ["👉REINDEX TABLE t", "👉REINDEX INDEX i"],
            passes: ["REINDEX TABLE CONCURRENTLY t", "REINDEX (CONCURRENTLY) INDEX i"]),
        RuleCase(
            rule: "drop-index-not-concurrent",
            finds: ["👉DROP INDEX i"],
            passes: [
                "DROP INDEX CONCURRENTLY i", "CREATE INDEX CONCURRENTLY i ON t (a); DROP INDEX i",
            ]),
        RuleCase(
            rule: "concurrently-in-transaction",
            finds: [
                "BEGIN; 👉CREATE INDEX CONCURRENTLY i ON t (a); COMMIT",
                "START TRANSACTION; SAVEPOINT s; 👉VACUUM t; END",
                "DO $$ BEGIN 👉DROP INDEX CONCURRENTLY i; END $$",
            ],
            passes: [
                "BEGIN; SELECT 1; COMMIT; CREATE INDEX CONCURRENTLY i ON t (a)",
                "BEGIN; ROLLBACK; DROP INDEX CONCURRENTLY i",
            ]),
        RuleCase(
            rule: "concurrent-if-not-exists",
            finds: ["👉CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)"],
            passes: ["CREATE INDEX IF NOT EXISTS i ON t (a)"]),
        RuleCase(
            rule: "concurrent-with-lock-timeout",
            finds: ["SET lock_timeout = '1s'; 👉CREATE INDEX CONCURRENTLY i ON t (a)"],
            passes: [
                "SET lock_timeout = '1s'; SET lock_timeout = 0; CREATE INDEX CONCURRENTLY i ON t (a)",
                "SET LOCAL lock_timeout = '1s'; CREATE INDEX CONCURRENTLY i ON t (a)",
            ]),
        RuleCase(
            rule: "rename-column",
            finds: ["👉ALTER TABLE t RENAME COLUMN a TO b", "👉ALTER VIEW v RENAME a TO b"],
            passes: [
                "ALTER TABLE t RENAME CONSTRAINT a TO b",
                "CREATE TABLE t (a int); ALTER TABLE t RENAME a TO b",
            ]),
        RuleCase(
            rule: "rename-table",
            finds: [
                "👉ALTER TABLE t RENAME TO u", "👉ALTER TABLE t SET SCHEMA s",
                "👉ALTER SCHEMA a RENAME TO b",
            ],
            passes: ["ALTER INDEX i RENAME TO j", "CREATE TABLE t (); ALTER TABLE t RENAME TO u"]),
        RuleCase(
            rule: "rename-enum-value",
            finds: ["👉ALTER TYPE e RENAME VALUE 'a' TO 'b'"],
            passes: ["ALTER TYPE e ADD VALUE 'c'"]),
        RuleCase(
            rule: "drop-column",
            finds: [
                "ALTER TABLE t ADD b int, 👉DROP COLUMN a",
                "ALTER TABLE t 👉DROP a; ALTER TABLE t ADD a int",
                "ALTER TABLE t ADD COLUMN IF NOT EXISTS a int; ALTER TABLE t 👉DROP a",
            ],
            passes: ["ALTER TABLE t ADD COLUMN a int; ALTER TABLE t DROP COLUMN a"]),
        RuleCase(
            rule: "drop-table",
            finds: ["👉DROP TABLE t", "👉DROP VIEW IF EXISTS v"],
            passes: ["CREATE TABLE t (); DROP TABLE t", "DROP FUNCTION f()"]),
        RuleCase(rule: "drop-schema", finds: ["👉DROP SCHEMA s"], passes: ["CREATE SCHEMA s"]),
        RuleCase(rule: "drop-database", finds: ["👉DROP DATABASE d"], passes: ["CREATE DATABASE d"]),
        RuleCase(
            rule: "truncate", finds: ["TRUNCATE 👉a, 👉b"],
            passes: ["CREATE TABLE a (); TRUNCATE a", "SELECT 'TRUNCATE a'"]),
        RuleCase(
            rule: "refresh-not-concurrent", finds: ["👉REFRESH MATERIALIZED VIEW m"],
            passes: [
                "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
                "CREATE MATERIALIZED VIEW m AS SELECT 1; REFRESH MATERIALIZED VIEW m",
            ]),
        RuleCase(
            rule: "lock-table",
            finds: ["👉LOCK TABLE t", "👉LOCK t IN SHARE ROW EXCLUSIVE MODE"],
            passes: ["LOCK TABLE t IN ROW EXCLUSIVE MODE", "CREATE TABLE t (); LOCK TABLE t"]),
        RuleCase(
            rule: "cascade",
            finds: [
                "DROP TABLE t 👉CASCADE", "TRUNCATE t 👉CASCADE",
                "ALTER TABLE t 👉DROP COLUMN a CASCADE", "DROP TYPE e 👉CASCADE",
            ],
            passes: [
                "DROP TABLE t RESTRICT",
                "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u ON DELETE CASCADE NOT VALID",
            ]),
        RuleCase(
            rule: "drop-not-null", finds: ["ALTER TABLE t 👉ALTER a DROP NOT NULL"],
            passes: ["CREATE TABLE t (a int NOT NULL); ALTER TABLE t ALTER a DROP NOT NULL"]),
        RuleCase(
            rule: "write-with-ddl",
            finds: [
                "BEGIN; ALTER TABLE t ADD a int; 👉UPDATE t SET a = b; COMMIT",
                "BEGIN; 👉DELETE FROM u WHERE x < 5; ALTER TABLE t ADD a int; COMMIT",
                "BEGIN; ALTER TABLE t ADD a int; 👉INSERT INTO u SELECT * FROM t; COMMIT",
            ],
            passes: [
                "BEGIN; ALTER TABLE t ADD a int; COMMIT; UPDATE t SET a = b",
                "BEGIN; ALTER TABLE t ADD a int; INSERT INTO versions VALUES (5); COMMIT",
                "BEGIN; ALTER TABLE t ADD a int; UPDATE versions SET n = 5 WHERE id = 1; COMMIT",
                "BEGIN; CREATE TABLE n (a int); INSERT INTO n SELECT a FROM t; COMMIT",
            ]),
        RuleCase(
            rule: "unbatched-write",
            finds: [
                "👉UPDATE t SET a = 1", "👉DELETE FROM t", "👉UPDATE t SET a = b WHERE a IS NULL",
                "👉UPDATE t SET a = u.a FROM u WHERE u.id = t.u_id",
                "👉WITH w AS (DELETE FROM t RETURNING *) SELECT * FROM w",
                "👉DELETE FROM t WHERE created_at < now() - interval '1 year'",
                "👉UPDATE t SET a = 1 WHERE id = 1 OR a IS NULL", "👉DELETE FROM t WHERE true",
                "DO $$ BEGIN LOOP 👉DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT 9); EXIT WHEN NOT FOUND; END LOOP; END $$",
            ],
            passes: [
                "UPDATE t SET a = 1 WHERE id = 5", "DELETE FROM t WHERE id IN (1, 2)",
                "UPDATE t SET a = 1 WHERE id BETWEEN 1 AND 1000 AND a IS NULL",
                "UPDATE t SET a = 1 WHERE id >= 1 AND id < 1000",
                "DELETE FROM t WHERE id IN (SELECT id FROM t WHERE a LIMIT 1000)",
                "CREATE TABLE t (a int); UPDATE t SET a = 1",
                "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE t SET a = 1; END $$",
                "DO $$ BEGIN LOOP DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT 9); COMMIT; END LOOP; END $$",
            ]),
        RuleCase(
            rule: "several-tables-locked",
            finds: [
                "BEGIN; ALTER TABLE a ADD x int; 👉ALTER TABLE b ADD x int; ALTER TABLE c ADD x int; COMMIT"
            ],
            passes: [
                "ALTER TABLE a ADD x int; ALTER TABLE b ADD x int",
                "BEGIN; ALTER TABLE a ADD x int; ALTER TABLE a ADD y int; COMMIT",
                "BEGIN; CREATE TABLE b (); ALTER TABLE a ADD x int; ALTER TABLE b ADD x int; COMMIT",
            ]),
        RuleCase(
            rule: "several-alters",
            finds: ["ALTER TABLE t ADD a int; 👉ALTER TABLE t ADD b int"],
            passes: [
                "ALTER TABLE t ADD a int; ALTER TABLE u ADD b int",
                "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c",
            ]),
        RuleCase(
            rule: "no-lock-timeout",
            finds: [
                "👉ALTER TABLE t ADD a int; ALTER TABLE u ADD a int",
                "SET lock_timeout = 0; 👉DROP TABLE t",
                "SET LOCAL lock_timeout = '1s'; 👉ALTER TABLE t ADD a int",
                "BEGIN; SET LOCAL lock_timeout = '1s'; COMMIT; 👉ALTER TABLE t ADD a int",
            ],
            passes: [
                "SET lock_timeout TO '100ms'; ALTER TABLE t ADD a int",
                "BEGIN; SET LOCAL lock_timeout = 100; ALTER TABLE t ADD a int; COMMIT",
                "SELECT set_config('lock_timeout', '1s', false); ALTER TABLE t ADD a int",
                "CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE TABLE t (a int); DROP TABLE t",
            ]),
        RuleCase(
            rule: "foreign-key-without-index",
            finds: [
                "ALTER TABLE t ADD 👉FOREIGN KEY (a) REFERENCES u (id) NOT VALID",
                "CREATE TABLE t (a int 👉REFERENCES u (id), b int, PRIMARY KEY (b, a))",
            ],
            passes: [
                "CREATE INDEX CONCURRENTLY ON t (a, b); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u NOT VALID",
                "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u NOT VALID; CREATE INDEX CONCURRENTLY ON t (a)",
                "CREATE TABLE t (a int PRIMARY KEY REFERENCES u (id))",
            ]),
        RuleCase(
            rule: "foreign-key-type",
            finds: [
                "CREATE TABLE u (id bigint PRIMARY KEY); CREATE TABLE t (a int 👉REFERENCES u)",
                "CREATE TABLE u (id uuid); CREATE TABLE t (a text); ALTER TABLE t ADD 👉CONSTRAINT c FOREIGN KEY (a) REFERENCES u (id)",
            ],
            passes: [
                "CREATE TABLE u (id bigserial PRIMARY KEY); CREATE TABLE t (a bigint REFERENCES u)",
                "CREATE TABLE u (id text PRIMARY KEY); CREATE TABLE t (a varchar(9) REFERENCES u)",
                "CREATE TABLE t (a int REFERENCES elsewhere (id))",
            ]),
        RuleCase(
            rule: "enum-value-in-transaction",
            finds: ["BEGIN; ALTER TYPE e ADD VALUE 'new'; INSERT INTO t VALUES (👉'new'); COMMIT"],
            passes: ["ALTER TYPE e ADD VALUE 'new'; INSERT INTO t VALUES ('new')"]),
        RuleCase(
            rule: "attach-partition",
            finds: ["ALTER TABLE p 👉ATTACH PARTITION c FOR VALUES IN (1)"],
            passes: ["CREATE TABLE c (a int); ALTER TABLE p ATTACH PARTITION c FOR VALUES IN (1)"]),
        RuleCase(
            rule: "detach-partition", finds: ["ALTER TABLE p 👉DETACH PARTITION c"],
            passes: ["ALTER TABLE p DETACH PARTITION c CONCURRENTLY"]),
        RuleCase(
            rule: "serial-type", finds: ["CREATE TABLE t (id 👉serial)"],
            passes: ["CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY)"]),
        RuleCase(
            rule: "char-type", finds: ["ALTER TABLE t ADD a 👉char(3)"],
            passes: ["ALTER TABLE t ADD a varchar(3)"]),
        RuleCase(
            rule: "timestamp-type",
            finds: ["CREATE TABLE t (a 👉timestamp, b 👉timestamp without time zone)"],
            passes: ["CREATE TABLE t (a timestamptz, b timestamp with time zone)"]),
        RuleCase(
            rule: "json-type", finds: ["CREATE TABLE t (a 👉json)"],
            passes: ["CREATE TABLE t (a jsonb)"]),
        RuleCase(
            rule: "int-primary-key",
            finds: [
                "CREATE TABLE t (id int 👉PRIMARY KEY)",
                "CREATE TABLE t (id serial, 👉PRIMARY KEY (id))",
            ],
            passes: [
                "CREATE TABLE t (id bigint PRIMARY KEY)",
                "CREATE TABLE t (a int, b int, PRIMARY KEY (a, b))",
            ]),
        RuleCase(
            rule: "long-identifier",
            finds: [
                "CREATE TABLE 👉a23456789012345678901234567890123456789012345678901234567890abcd ()",
                "SELECT 1 AS 👉\"a23456789012345678901234567890123456789012345678901234567890abcd\"",
            ],
            passes: [
                "CREATE TABLE a23456789012345678901234567890123456789012345678901234567890abc ()",
                "SELECT 'a23456789012345678901234567890123456789012345678901234567890abcd'",
            ]),
        RuleCase(
            rule: "not-understood",
            finds: [
                "ALTER TABLE t ADD CONSTRAINT c 👉NOT NULL a NOT VALID; SELECT 1",
                "👉CALL migrate()", "👉SELECT add_everything()",
                "DO $$ BEGIN 👉EXECUTE format('ALTER TABLE %I ADD a int', 't'); END $$",
                "SELECT 1; SELECT 👉'it never ends",
            ],
            passes: [
                "SELECT 1", "CREATE EXTENSION pg_trgm", "DO $$ BEGIN EXECUTE 'SELECT 1'; END $$",
                "ALTER TABLE :schema.t ADD a int DEFAULT :'value'",
            ]),
    ]
}
