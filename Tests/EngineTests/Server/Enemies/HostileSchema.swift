import Postgres
import Sandbox

/// A schema in which everything that a statement of ours could mean by accident is a trap: each
/// function and operator of `pg_catalog` once more, with the same arguments and with arguments that
/// fit better than a cast or a polymorphic one, and each of its relations and types that a statement
/// may name. Whatever is called, read or cast to raises, so the server's log has a line of it.
enum HostileSchema {
    /// What stands in the log for each trap that was entered.
    static let mark = "walked into the trap"

    /// Makes it in a database. Superuser; a few seconds, so it is made once, in a template.
    static func make(on connection: Connection) async throws {
        try await connection.run(
            "SET check_function_bodies = off", "SET client_min_messages = error")
        for statement in statements { try await connection.run(statement) }
        let made = try await connection.query(
            """
            SELECT (SELECT count(*) FROM pg_proc WHERE pronamespace = 'hostile'::regnamespace) AS functions,
                   (SELECT count(*) FROM pg_operator WHERE oprnamespace = 'hostile'::regnamespace) AS operators,
                   (SELECT count(*) FROM pg_class WHERE relnamespace = 'hostile'::regnamespace) AS relations
            """
        ).onlyRow()
        guard try made.int("functions") > 3000, try made.int("operators") > 2000,
            try made.int("relations") > 100
        else { throw SandboxError.system(call: "the hostile schema", reason: "\(made)") }
        try await connection.run("RESET check_function_bodies")
    }

    private static let statements: [SQL] = [
        "CREATE SCHEMA hostile",
        "GRANT USAGE ON SCHEMA hostile TO PUBLIC",
        // For relations and types, which have no body of their own.
        """
        CREATE FUNCTION hostile.trap(what pg_catalog.text) RETURNS pg_catalog.bool LANGUAGE plpgsql
        AS $$BEGIN RAISE EXCEPTION '% \(SQL(writtenByUser: mark))', what; END$$
        """,
        // The types that stand for anyelement and "any", and that take the place of others.
        """
        CREATE TABLE hostile.kinds AS SELECT unnest(ARRAY['text', 'varchar', 'name', 'oid', 'regclass',
          'regtype', 'int2', 'int4', 'int8', 'bool', 'numeric', 'json', 'jsonb', 'timestamptz',
          'interval', '"char"', 'record']::regtype[]) AS kind
        """,
        functions, operators, relations, types,
        "DROP TABLE hostile.kinds",
    ]

    /// Those that can't be made (of internal types, or two alike) are passed over.
    private static let functions: SQL = """
        DO $make$
        DECLARE
          found record;
          given text;
          body text;
        BEGIN
          FOR found IN
            WITH plain AS (
              SELECT p.oid, p.proname, p.prorettype, p.proretset, p.proargtypes::oid[] AS arguments
                FROM pg_proc p
               WHERE p.pronamespace = 'pg_catalog'::regnamespace
                 AND p.prorettype NOT IN ('internal'::regtype, 'cstring'::regtype, 'trigger'::regtype)
                 AND NOT p.proargtypes::oid[] && ARRAY['internal', 'cstring']::regtype[]::oid[]
                 AND p.pronargs <= 6),
            -- One concrete type in the place of each polymorphic one.
            concrete AS (
              SELECT p.proname, p.proretset, k.kind, p.prorettype,
                     ARRAY(SELECT CASE
                             WHEN a::regtype::text IN ('anyelement', 'anynonarray', 'anycompatible',
                                  'anycompatiblenonarray', 'anyenum', '"any"') THEN k.kind::oid
                             WHEN a::regtype::text IN ('anyarray', 'anycompatiblearray')
                                  THEN (SELECT typarray FROM pg_type WHERE oid = k.kind)
                             ELSE a END
                       FROM unnest(p.arguments) WITH ORDINALITY u(a, n) ORDER BY n) AS arguments
                FROM plain p, hostile.kinds k
               WHERE p.arguments::regtype[]::text[] && ARRAY['anyelement', 'anynonarray', 'anycompatible',
                     'anycompatiblenonarray', '"any"', 'anyarray', 'anycompatiblearray']),
            -- What the same call with a name, a varchar or a regclass would rather mean.
            nearer AS (
              SELECT p.proname, p.proretset, p.prorettype, s.put,
                     ARRAY(SELECT CASE WHEN a = s.taken::oid THEN s.put::oid ELSE a END
                       FROM unnest(p.arguments) WITH ORDINALITY u(a, n) ORDER BY n) AS arguments
                FROM plain p, (VALUES ('text'::regtype, 'name'::regtype), ('text', 'varchar'),
                                      ('oid', 'regclass')) s(taken, put)
               WHERE s.taken::oid = ANY (p.arguments))
            SELECT proname, proretset, prorettype, arguments FROM plain
             UNION SELECT proname, proretset,
                          CASE WHEN prorettype::regtype::text IN ('anyelement', 'anycompatible', 'anynonarray')
                               THEN kind::oid
                               WHEN prorettype::regtype::text IN ('anyarray', 'anycompatiblearray')
                               THEN (SELECT typarray FROM pg_type WHERE oid = kind)
                               ELSE prorettype END, arguments FROM concrete
             UNION SELECT proname, proretset, prorettype, arguments FROM nearer
          LOOP
            SELECT string_agg('pg_catalog.' || quote_ident(t.typname), ', ' ORDER BY n) INTO given
              FROM unnest(found.arguments) WITH ORDINALITY u(a, n) JOIN pg_type t ON t.oid = a;
            body := format('BEGIN RAISE EXCEPTION %L; END',
              format('%s(%s) \(SQL(writtenByUser: mark))', found.proname, replace(given, '%', '')));
            BEGIN
              EXECUTE format('CREATE FUNCTION hostile.%I(%s) RETURNS %s pg_catalog.%s LANGUAGE plpgsql IMMUTABLE AS %L',
                found.proname, given, CASE WHEN found.proretset THEN 'SETOF' END,
                (SELECT quote_ident(typname) FROM pg_type WHERE oid = found.prorettype), body);
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
          END LOOP;
        END $make$
        """

    /// Those of `pg_catalog`, and each comparison of two types that it compares only after a cast.
    private static let operators: SQL = """
        DO $make$
        DECLARE
          found record;
          number int := 0;
        BEGIN
          FOR found IN
            SELECT oprname AS sign, oprleft AS l, oprright AS r, oprresult AS gives FROM pg_operator
             WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b'
             UNION
            SELECT sign, l.kind, r.kind, CASE WHEN sign = '||' THEN 'text'::regtype WHEN sign IN ('+', '-', '*', '/') THEN 'numeric' ELSE 'bool' END
              FROM hostile.kinds l, hostile.kinds r,
                   unnest(ARRAY['=', '<>', '<', '>', '<=', '>=', '||', '~', '!~', '*=', '*<>', '+', '-', '*', '/']) sign
             -- What compares columns of the application's is the operator that it has itself.
             WHERE 'varchar'::regtype NOT IN (l.kind, r.kind)
          LOOP
            number := number + 1;
            BEGIN
              EXECUTE format('CREATE FUNCTION hostile.operator_%s(pg_catalog.%I, pg_catalog.%I) RETURNS pg_catalog.%I '
                || 'LANGUAGE plpgsql IMMUTABLE AS %L', number,
                (SELECT typname FROM pg_type WHERE oid = found.l),
                (SELECT typname FROM pg_type WHERE oid = found.r),
                (SELECT typname FROM pg_type WHERE oid = found.gives),
                format('BEGIN RAISE EXCEPTION %L; END', format('%s %s %s \(SQL(writtenByUser: mark))',
                  found.l::regtype, replace(found.sign, '%', '%%'), found.r::regtype)));
              EXECUTE format('CREATE OPERATOR hostile.%s (LEFTARG = pg_catalog.%I, RIGHTARG = pg_catalog.%I, '
                || 'FUNCTION = hostile.operator_%s)', found.sign,
                (SELECT typname FROM pg_type WHERE oid = found.l),
                (SELECT typname FROM pg_type WHERE oid = found.r), number);
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
          END LOOP;
        END $make$
        """

    private static let relations: SQL = """
        DO $make$
        DECLARE
          found name;
        BEGIN
          FOR found IN SELECT relname FROM pg_class
             WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
          LOOP
            BEGIN
              EXECUTE format('CREATE VIEW hostile.%I AS SELECT * FROM pg_catalog.%I WHERE (SELECT hostile.trap(%L))',
                found, found, found);
              EXECUTE format('GRANT SELECT ON hostile.%I TO PUBLIC', found);
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
          END LOOP;
        END $make$
        """

    /// Such as the grammar does not know by itself.
    private static let types: SQL = """
        DO $make$
        DECLARE
          found name;
        BEGIN
          FOREACH found IN ARRAY ARRAY['text', 'name', 'oid', 'regclass', 'regtype', 'regnamespace', 'regproc',
            'regprocedure', 'json', 'jsonb', 'timestamptz', 'uuid', 'int2', 'int4', 'int8', 'bool', 'float8',
            'numeric', 'int8range', 'int8multirange', 'pg_lsn', 'tid', 'xid', '"char"']
          LOOP
            EXECUTE format('CREATE DOMAIN hostile.%s AS pg_catalog.%s CHECK (hostile.trap(%L))',
              found, found, 'type ' || found);
          END LOOP;
        END $make$
        """
}
