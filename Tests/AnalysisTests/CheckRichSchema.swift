/// A schema with what real ones have: for a dump to be judged.
enum RichSchema {
    static let sql = """
        CREATE SCHEMA sales;
        CREATE TYPE status AS ENUM ('new', 'paid; or not');
        CREATE DOMAIN amount AS numeric(12, 2) CHECK (value >= 0);
        CREATE TYPE address AS (street text, town text);
        CREATE SEQUENCE numbers;
        CREATE TABLE users (
            id serial PRIMARY KEY, name varchar(50) NOT NULL UNIQUE, home address,
            created timestamp DEFAULT now(), note text DEFAULT E'a\\\\b;''');
        CREATE TABLE orders (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int REFERENCES users,
            state status DEFAULT 'new', total amount, doubled numeric GENERATED ALWAYS AS (total * 2)
                STORED, search tsvector, during tsrange, data json,
            CHECK (total <> 5), EXCLUDE USING gist (during WITH &&));
        CREATE TABLE sales.events (at timestamptz NOT NULL, n int) PARTITION BY RANGE (at);
        CREATE TABLE sales.events_1 PARTITION OF sales.events
            FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
        CREATE TABLE sales.events_rest PARTITION OF sales.events DEFAULT;
        CREATE INDEX ON sales.events (n);
        CREATE TABLE child (extra int) INHERITS (users);
        CREATE INDEX orders_total ON orders (total) WHERE total > 5;
        CREATE INDEX orders_search ON orders USING gin (search);
        CREATE UNIQUE INDEX ON orders (lower(data ->> 'a'));
        CREATE VIEW v AS SELECT id, name FROM users;
        CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM orders;
        CREATE UNIQUE INDEX ON m (n);
        CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $$ SELECT a; $$;
        CREATE FUNCTION body(a int) RETURNS int LANGUAGE sql
            BEGIN ATOMIC SELECT CASE WHEN a > 1 THEN a ELSE 1 END; END;
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN UPDATE users SET note = 'x'; NEW.total := 1; RETURN NEW; END $$;
        CREATE PROCEDURE tidy() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM orders; COMMIT; END $$;
        CREATE AGGREGATE total_of (int) (sfunc = int4pl, stype = int);
        CREATE OPERATOR === (leftarg = int, rightarg = int, function = int4eq);
        CREATE CAST (status AS int) WITH INOUT;
        CREATE TRIGGER touched BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
        ALTER TABLE orders ENABLE ALWAYS TRIGGER touched;
        CREATE RULE r AS ON DELETE TO v DO INSTEAD (DELETE FROM users WHERE id = OLD.id;
            SELECT 1);
        ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON orders USING (user_id = 1);
        CREATE STATISTICS st ON id, user_id FROM orders;
        ALTER TABLE orders ALTER COLUMN data SET STORAGE EXTERNAL;
        ALTER TABLE orders ALTER COLUMN total SET STATISTICS 500;
        ALTER TABLE users CLUSTER ON users_pkey;
        ALTER TABLE users REPLICA IDENTITY FULL;
        COMMENT ON TABLE orders IS 'all; of ''them''';
        CREATE PUBLICATION pub FOR TABLE orders;
        GRANT SELECT ON orders TO PUBLIC;
        ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
        CREATE TEXT SEARCH CONFIGURATION ts (COPY = simple);
        INSERT INTO users (name, note) VALUES ('a;b', E'tab\\t\\\\. and ''quote'), ('c', E'\\n\\\\.\\n');
        INSERT INTO orders (user_id, total) VALUES (1, 3);
        """
}
