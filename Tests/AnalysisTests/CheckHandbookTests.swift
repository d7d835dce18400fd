import Testing

@testable import Analysis

/// The statements of "Zero-Downtime Migration Patterns", the risky and the safe ones.
@Suite("The handbook's patterns")
struct CheckHandbookTests {
    private func dangers(_ sql: String) -> [String] {
        var check = Check()
        return check.judge(sql, file: "handbook.sql").hazards
            .filter { $0.severity == .danger }.map(\.rule)
    }

    @Test(
        "that are safe have no danger",
        arguments: [
            "ALTER TABLE orders ADD COLUMN status_v2 VARCHAR(50);",
            "ALTER TABLE users ADD COLUMN preferences JSONB;",
            "ALTER TABLE users ADD COLUMN created_at TIMESTAMP DEFAULT NOW();",
            "CREATE TABLE customers (LIKE users INCLUDING ALL);",
            "CREATE VIEW users AS SELECT * FROM customers;",
            "INSERT INTO customers SELECT * FROM users_old;",
            """
            CREATE TRIGGER sync_users
            AFTER INSERT OR UPDATE ON customers
            FOR EACH ROW EXECUTE FUNCTION sync_to_users();
            """,
            "ALTER TABLE orders ADD COLUMN customer_id INTEGER;",
            """
            ALTER TABLE orders
            ADD CONSTRAINT fk_customer
            FOREIGN KEY (customer_id) REFERENCES customers(id)
            NOT VALID;  -- Don't validate existing rows yet
            """,
            "ALTER TABLE orders VALIDATE CONSTRAINT fk_customer;",
            "CREATE INDEX CONCURRENTLY idx_orders_date ON orders(created_at);",
            "DROP INDEX CONCURRENTLY idx_old_index;",
            "ALTER TABLE users ALTER COLUMN name TYPE VARCHAR(100);",
            "SELECT MAX(LENGTH(name)) FROM users;",
            """
            DO $$
            DECLARE
              batch_size INT := 10000;
              affected INT;
            BEGIN
              LOOP
                UPDATE orders
                SET status_v2 = status
                WHERE id IN (
                  SELECT id FROM orders
                  WHERE status_v2 IS NULL
                  LIMIT batch_size
                );

                GET DIAGNOSTICS affected = ROW_COUNT;
                EXIT WHEN affected = 0;

                COMMIT;
                PERFORM pg_sleep(0.1); -- Brief pause
              END LOOP;
            END $$;
            """,
        ])
    func safe(_ sql: String) {
        #expect(dangers(sql) == [])
    }

    @Test(
        "that are risky have a danger, by its name",
        arguments: [
            ("UPDATE orders SET status_v2 = status WHERE status_v2 IS NULL;", "unbatched-write"),
            ("ALTER TABLE orders DROP COLUMN status;", "drop-column"),
            ("ALTER TABLE orders RENAME COLUMN status_v2 TO status;", "rename-column"),
            (
                "ALTER TABLE users ADD COLUMN created_at TIMESTAMP NOT NULL;",
                "add-column-not-null"
            ),
            ("ALTER TABLE users DROP COLUMN deprecated_field;", "drop-column"),
            ("DROP VIEW users;", "drop-table"), ("DROP TABLE users_old;", "drop-table"),
            (
                """
                UPDATE orders o SET customer_id = (
                  SELECT id FROM customers c WHERE c.legacy_id = o.legacy_customer_id
                );
                """, "unbatched-write"
            ),
            ("UPDATE users SET age_int = CAST(age_str AS INTEGER);", "unbatched-write"),
            ("ALTER TABLE users RENAME COLUMN age_int TO age;", "rename-column"),
            (
                """
                ALTER TABLE users ALTER COLUMN name TYPE VARCHAR(100);
                ALTER TABLE users ALTER COLUMN name TYPE VARCHAR(50);
                """, "type-change"
            ),
        ])
    func risky(_ sql: String, _ rule: String) {
        #expect(dangers(sql) == [rule])
    }

    @Test("a type change that may only widen is a warning until the old type is known")
    func widening() {
        var check = Check()
        let alone = check.judge(
            "ALTER TABLE users ALTER COLUMN name TYPE VARCHAR(100);", file: "a.sql")
        #expect(
            alone.hazards.first { $0.rule == "type-change" }.map(\.severity) == .warning)
    }

    @Test("the statement for another database is not understood, and stops nothing")
    func otherDatabase() {
        var check = Check()
        let judged = check.judge(
            """
            ALTER TABLE orders ADD INDEX idx_date (created_at),
              ALGORITHM=INPLACE, LOCK=NONE;
            """, file: "a.sql")
        #expect(judged.hazards.map(\.rule) == ["not-understood"])
    }
}
