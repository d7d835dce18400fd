-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.copy-table: make "lk_13bbbdad_Purchases", an empty copy of public.orders
BEGIN;
CREATE TABLE public."lk_13bbbdad_Purchases" (LIKE public.orders INCLUDING DEFAULTS INCLUDING GENERATED
  INCLUDING STORAGE INCLUDING COMPRESSION)
 WITH (fillfactor = '70')
 TABLESPACE fast;
ALTER TABLE public."lk_13bbbdad_Purchases" OWNER TO keeper;
DO $lockkeeper$ DECLARE
  role text;
BEGIN
  FOR role IN SELECT DISTINCT CASE WHEN g.grantee = 0::pg_catalog.oid THEN 'PUBLIC'
         ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END
      FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) g
     WHERE c.oid = 'public."lk_13bbbdad_Purchases"'::pg_catalog.regclass::pg_catalog.oid AND g.grantee <> c.relowner
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s', 'public."lk_13bbbdad_Purchases"', role);
  END LOOP;
END $lockkeeper$;
ALTER TABLE public."lk_13bbbdad_Purchases" ADD CONSTRAINT orders_status_check CHECK (((status)::text <> ''::text));
CREATE UNIQUE INDEX lk_bbde5bcc_orders_pkey ON public."lk_13bbbdad_Purchases" USING btree (id);
ALTER TABLE public."lk_13bbbdad_Purchases" ADD CONSTRAINT lk_bbde5bcc_orders_pkey PRIMARY KEY USING INDEX lk_bbde5bcc_orders_pkey;
ALTER TABLE public."lk_13bbbdad_Purchases" ALTER COLUMN total SET STATISTICS 500;
ALTER TABLE public."lk_13bbbdad_Purchases" ALTER COLUMN total SET (n_distinct = '-0.5');
COMMENT ON TABLE public."lk_13bbbdad_Purchases" IS 'what customers asked for';
COMMENT ON COLUMN public."lk_13bbbdad_Purchases".status IS 'where the order stands';
COMMIT;

-- 1.migrate.sync: carry every write of public.orders over to "lk_13bbbdad_Purchases"
BEGIN;
CREATE OR REPLACE FUNCTION lockkeeper."sync_orders-status_1"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
 SET search_path TO public, pg_temp
 SET row_security TO off
AS $lk$
#variable_conflict use_column
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    TRUNCATE ONLY public."lk_13bbbdad_Purchases";
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND ROW(NEW."id")::record *<> ROW(OLD."id")::record THEN
    DELETE FROM ONLY public."lk_13bbbdad_Purchases" lk_to WHERE lk_to."id" = OLD."id";
    IF NOT FOUND AND pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
      INSERT INTO public."lk_13bbbdad_Purchases" ("id", "customer_id", "status", "total", "placed_at") VALUES (OLD."id", OLD."customer_id", OLD."status", OLD."total", OLD."placed_at") ON CONFLICT ("id") DO NOTHING;
      DELETE FROM ONLY public."lk_13bbbdad_Purchases" lk_to WHERE lk_to."id" = OLD."id";
    END IF;
    INSERT INTO public."lk_13bbbdad_Purchases" ("id", "customer_id", "status", "total", "placed_at")
    SELECT lk_from."id", lk_from."customer_id", lk_from."status", lk_from."total", lk_from."placed_at" FROM ONLY public.orders lk_from WHERE lk_from."id" = OLD."id" ON CONFLICT DO NOTHING;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO public."lk_13bbbdad_Purchases" ("id", "customer_id", "status", "total", "placed_at")
    SELECT lk_from."id", lk_from."customer_id", lk_from."status", lk_from."total", lk_from."placed_at" FROM ONLY public.orders lk_from WHERE lk_from."id" = NEW."id"
    ON CONFLICT ("id") DO UPDATE SET "id" = EXCLUDED."id", "customer_id" = EXCLUDED."customer_id", "status" = EXCLUDED."status", "total" = EXCLUDED."total", "placed_at" = EXCLUDED."placed_at";
    IF NOT FOUND THEN
      DELETE FROM ONLY public."lk_13bbbdad_Purchases" lk_to WHERE lk_to."id" = NEW."id";
      IF NOT FOUND AND pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
        INSERT INTO public."lk_13bbbdad_Purchases" ("id", "customer_id", "status", "total", "placed_at") VALUES (NEW."id", NEW."customer_id", NEW."status", NEW."total", NEW."placed_at") ON CONFLICT ("id") DO NOTHING;
        DELETE FROM ONLY public."lk_13bbbdad_Purchases" lk_to WHERE lk_to."id" = NEW."id";
      END IF;
    END IF;
  END IF;
  RETURN NULL;
END
$lk$;
REVOKE ALL ON FUNCTION lockkeeper."sync_orders-status_1"() FROM PUBLIC;
TRUNCATE ONLY public."lk_13bbbdad_Purchases";
CREATE TRIGGER zz_lockkeeper_d8effc65_1 AFTER INSERT OR UPDATE OR DELETE ON public.orders
 FOR EACH ROW EXECUTE FUNCTION lockkeeper."sync_orders-status_1"();
CREATE TRIGGER zz_lockkeeper_d8effc65_1_truncate AFTER TRUNCATE ON public.orders
 FOR EACH STATEMENT EXECUTE FUNCTION lockkeeper."sync_orders-status_1"();
ALTER TABLE public.orders ENABLE ALWAYS TRIGGER zz_lockkeeper_d8effc65_1,
  ENABLE ALWAYS TRIGGER zz_lockkeeper_d8effc65_1_truncate;
COMMIT;

-- 1.backfill.copy: copy the rows of public.orders to "lk_13bbbdad_Purchases"
WITH lk_rows AS MATERIALIZED (
  SELECT id, customer_id, status, total, placed_at FROM ONLY public.orders
   WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid FOR NO KEY UPDATE)
INSERT INTO public."lk_13bbbdad_Purchases" (id, customer_id, status, total, placed_at) SELECT id, customer_id, status, total, placed_at FROM lk_rows
ON CONFLICT (id) DO NOTHING;

-- 1.backfill.index-orders_status_idx: build the copy of index orders_status_idx
CREATE INDEX CONCURRENTLY lk_fe0f59bd_orders_status_idx ON public."lk_13bbbdad_Purchases" USING btree (status);

-- 1.backfill.properties-orders_status_idx: give it the properties of orders_status_idx
BEGIN;
ALTER INDEX public.lk_fe0f59bd_orders_status_idx ALTER COLUMN 1 SET STATISTICS 99;
COMMENT ON INDEX public.lk_fe0f59bd_orders_status_idx IS 'for the list';
COMMIT;

-- 1.backfill.check-total_known: the check total_known, which is not proven for the rows that are there
BEGIN;
ALTER TABLE public."lk_13bbbdad_Purchases" ADD CONSTRAINT total_known CHECK ((total > 0)) NOT VALID;
COMMENT ON CONSTRAINT total_known ON public."lk_13bbbdad_Purchases" IS 'old orders had none';
COMMIT;

-- 1.backfill.statistics-orders_related: create statistics as public.orders_related
BEGIN;
CREATE STATISTICS public.lk_a1a9ca93_orders_related (dependencies) ON status, total FROM public."lk_13bbbdad_Purchases";
ALTER STATISTICS public.lk_a1a9ca93_orders_related OWNER TO keeper;
COMMIT;

-- 1.backfill.analyze: gather statistics of "lk_13bbbdad_Purchases"
BEGIN;
ANALYZE public."lk_13bbbdad_Purchases";
COMMIT;

-- 1.switch.check-trigger: look whether zz_lockkeeper_d8effc65_1 is in place
-- zz_lockkeeper_d8effc65_1 must be in place

-- 1.switch.check-truncate: look whether zz_lockkeeper_d8effc65_1_truncate is in place
-- zz_lockkeeper_d8effc65_1_truncate must be in place

-- 1.switch.compare: compare public.orders and its copy in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE lk_to.id IS NULL) AS missing,
       count(*) FILTER (WHERE NOT lk_to.id IS NULL AND ROW(lk_from.id, lk_from.customer_id, lk_from.status, lk_from.total, lk_from.placed_at)::record *<> ROW(lk_to.id, lk_to.customer_id, lk_to.status, lk_to.total, lk_to.placed_at)::record) AS different
  FROM (SELECT id, customer_id, status, total, placed_at FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid) lk_from
  LEFT JOIN ONLY public."lk_13bbbdad_Purchases" lk_to ON lk_to.id = lk_from.id;
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT EXISTS (
         SELECT FROM ONLY public.orders lk_from WHERE lk_to.id = lk_from.id)) AS extra
  FROM (SELECT id FROM ONLY public."lk_13bbbdad_Purchases" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid) lk_to;

-- 1.switch.gate: wait until the tables may be swapped
-- gate 1.switch: public.orders may become a view on its copy public."Purchases": the version that runs does nothing that a view can't do

-- 1.switch.swap: swap the tables: the copy is "Purchases", public.orders a view on it, and the old table follows
BEGIN;
DO $lockkeeper$ DECLARE
  found text;
BEGIN
  SELECT pg_catalog.string_agg(what, ', ') INTO found FROM (
    ((VALUES ('index orders_pkey'), ('index orders_status_idx'), ('constraint orders_pkey'), ('constraint orders_status_check'), ('constraint orders_customer_id_fkey'), ('constraint total_known'), ('trigger audit'), ('trigger resting'), ('policy own')) EXCEPT (SELECT 'index ' || c.relname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = 'public.orders'::pg_catalog.regclass::pg_catalog.oid AND i.indisvalid AND i.indisready
     UNION ALL SELECT 'constraint ' || conname::text FROM pg_catalog.pg_constraint
     WHERE conrelid = 'public.orders'::pg_catalog.regclass::pg_catalog.oid AND contype IN ('c', 'f', 'p', 'u', 'x')
     UNION ALL SELECT 'trigger ' || tgname::text FROM pg_catalog.pg_trigger
     WHERE tgrelid = 'public.orders'::pg_catalog.regclass::pg_catalog.oid AND NOT tgisinternal AND tgname NOT IN ('zz_lockkeeper_d8effc65_1', 'zz_lockkeeper_d8effc65_1_truncate')
     UNION ALL SELECT 'policy ' || polname::text FROM pg_catalog.pg_policy WHERE polrelid = 'public.orders'::pg_catalog.regclass::pg_catalog.oid)) UNION ALL ((SELECT 'index ' || c.relname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = 'public.orders'::pg_catalog.regclass::pg_catalog.oid AND i.indisvalid AND i.indisready
     UNION ALL SELECT 'constraint ' || conname::text FROM pg_catalog.pg_constraint
     WHERE conrelid = 'public.orders'::pg_catalog.regclass::pg_catalog.oid AND contype IN ('c', 'f', 'p', 'u', 'x')
     UNION ALL SELECT 'trigger ' || tgname::text FROM pg_catalog.pg_trigger
     WHERE tgrelid = 'public.orders'::pg_catalog.regclass::pg_catalog.oid AND NOT tgisinternal AND tgname NOT IN ('zz_lockkeeper_d8effc65_1', 'zz_lockkeeper_d8effc65_1_truncate')
     UNION ALL SELECT 'policy ' || polname::text FROM pg_catalog.pg_policy WHERE polrelid = 'public.orders'::pg_catalog.regclass::pg_catalog.oid) EXCEPT (VALUES ('index orders_pkey'), ('index orders_status_idx'), ('constraint orders_pkey'), ('constraint orders_status_check'), ('constraint orders_customer_id_fkey'), ('constraint total_known'), ('trigger audit'), ('trigger resting'), ('policy own')))
    UNION ALL ((SELECT pg_catalog.format('column %I %s%s %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN ' NOT NULL' END, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
      FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = 'public.orders'::pg_catalog.regclass::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped) EXCEPT (SELECT pg_catalog.format('column %I %s%s %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN ' NOT NULL' END, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
      FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = 'public."lk_13bbbdad_Purchases"'::pg_catalog.regclass::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped)) UNION ALL ((SELECT pg_catalog.format('column %I %s%s %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN ' NOT NULL' END, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
      FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = 'public."lk_13bbbdad_Purchases"'::pg_catalog.regclass::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped) EXCEPT (SELECT pg_catalog.format('column %I %s%s %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN ' NOT NULL' END, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
      FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = 'public.orders'::pg_catalog.regclass::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped))) altered(what);
  IF found IS NOT NULL THEN
    RAISE EXCEPTION USING MESSAGE = 'public.orders has been altered since it was copied' || ': ' || found,
      HINT = 'Roll back to where the copy is made anew, or undo the change.';
  END IF;
END $lockkeeper$;
ALTER TABLE public.orders DROP CONSTRAINT orders_customer_id_fkey;
ALTER TABLE public."Notes" DROP CONSTRAINT notes_fk;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1_truncate ON public.orders;
ALTER TABLE public.orders DISABLE TRIGGER audit;
REVOKE ALL ON public.orders FROM PUBLIC, app, clerk;
ALTER TABLE public.orders RENAME TO lk_322de72a_orders;
ALTER INDEX public.orders_pkey RENAME TO lk_0d6aecba_orders_pkey;
ALTER INDEX public.orders_status_idx RENAME TO lk_df58fc93_orders_status_idx;
ALTER STATISTICS public.orders_related RENAME TO lk_c3c57901_orders_related;
ALTER TABLE public."lk_13bbbdad_Purchases" RENAME TO orders;
ALTER INDEX public.lk_bbde5bcc_orders_pkey RENAME TO orders_pkey;
ALTER INDEX public.lk_fe0f59bd_orders_status_idx RENAME TO orders_status_idx;
ALTER STATISTICS public.lk_a1a9ca93_orders_related RENAME TO orders_related;
DO $lockkeeper$ DECLARE
  place bigint;
  was_drawn boolean;
BEGIN
  SELECT last_value, is_called INTO place, was_drawn FROM public.orders_id_seq;
  ALTER TABLE public.lk_322de72a_orders ALTER COLUMN id DROP IDENTITY;
  ALTER TABLE public.orders ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.orders_id_seq START WITH 1 INCREMENT BY 1
    MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 10 NO CYCLE);
  PERFORM pg_catalog.setval('public.orders_id_seq'::pg_catalog.regclass, place, was_drawn);
END $lockkeeper$;
DO $lockkeeper$ DECLARE
  role text;
BEGIN
  FOR role IN SELECT DISTINCT CASE WHEN g.grantee = 0::pg_catalog.oid THEN 'PUBLIC'
         ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END
      FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) g
     WHERE c.oid = 'public.orders_id_seq'::pg_catalog.regclass::pg_catalog.oid AND g.grantee <> c.relowner
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON SEQUENCE %s FROM %s', 'public.orders_id_seq', role);
  END LOOP;
END $lockkeeper$;
GRANT USAGE ON SEQUENCE public.orders_id_seq TO app;
COMMENT ON SEQUENCE public.orders_id_seq IS 'numbers';
ALTER SEQUENCE public.orders_customer_id_seq OWNED BY public.orders.customer_id;
ALTER TABLE public.orders ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customers(id) NOT VALID;
ALTER TABLE public."Notes" ADD CONSTRAINT notes_fk FOREIGN KEY (order_id) REFERENCES orders(id) ON DELETE CASCADE NOT VALID;
COMMENT ON CONSTRAINT notes_fk ON public."Notes" IS 'whose';
CREATE TRIGGER audit AFTER UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION audit();
ALTER TABLE public.orders ENABLE ALWAYS TRIGGER audit;
COMMENT ON TRIGGER audit ON public.orders IS 'for the auditors';
CREATE TRIGGER resting AFTER INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION audit();
ALTER TABLE public.orders DISABLE TRIGGER resting;
CREATE POLICY own ON public.orders AS PERMISSIVE FOR ALL TO app USING ((total > 0));
COMMENT ON POLICY own ON public.orders IS 'none of others';
ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.orders REPLICA IDENTITY USING INDEX orders_pkey;
ALTER TABLE public.orders CLUSTER ON orders_status_idx;
ALTER TABLE public.orders RENAME TO "Purchases";
GRANT SELECT, INSERT ON public."Purchases" TO app;
GRANT SELECT ON public."Purchases" TO PUBLIC;
GRANT UPDATE ON public."Purchases" TO app WITH GRANT OPTION;
GRANT UPDATE (status) ON public."Purchases" TO clerk;
CREATE OR REPLACE FUNCTION lockkeeper."sync_orders-status_1"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
 SET search_path TO public, pg_temp
 SET row_security TO off
AS $lk$
#variable_conflict use_column
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    TRUNCATE ONLY public.lk_322de72a_orders;
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND ROW(NEW."id")::record *<> ROW(OLD."id")::record THEN
    DELETE FROM ONLY public.lk_322de72a_orders lk_to WHERE lk_to."id" = OLD."id";
    IF NOT FOUND AND pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
      INSERT INTO public.lk_322de72a_orders ("id", "customer_id", "status", "total", "placed_at") VALUES (OLD."id", OLD."customer_id", OLD."status", OLD."total", OLD."placed_at") ON CONFLICT ("id") DO NOTHING;
      DELETE FROM ONLY public.lk_322de72a_orders lk_to WHERE lk_to."id" = OLD."id";
    END IF;
    INSERT INTO public.lk_322de72a_orders ("id", "customer_id", "status", "total", "placed_at")
    SELECT lk_from."id", lk_from."customer_id", lk_from."status", lk_from."total", lk_from."placed_at" FROM ONLY public."Purchases" lk_from WHERE lk_from."id" = OLD."id" ON CONFLICT DO NOTHING;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO public.lk_322de72a_orders ("id", "customer_id", "status", "total", "placed_at")
    SELECT lk_from."id", lk_from."customer_id", lk_from."status", lk_from."total", lk_from."placed_at" FROM ONLY public."Purchases" lk_from WHERE lk_from."id" = NEW."id"
    ON CONFLICT ("id") DO UPDATE SET "id" = EXCLUDED."id", "customer_id" = EXCLUDED."customer_id", "status" = EXCLUDED."status", "total" = EXCLUDED."total", "placed_at" = EXCLUDED."placed_at";
    IF NOT FOUND THEN
      DELETE FROM ONLY public.lk_322de72a_orders lk_to WHERE lk_to."id" = NEW."id";
      IF NOT FOUND AND pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
        INSERT INTO public.lk_322de72a_orders ("id", "customer_id", "status", "total", "placed_at") VALUES (NEW."id", NEW."customer_id", NEW."status", NEW."total", NEW."placed_at") ON CONFLICT ("id") DO NOTHING;
        DELETE FROM ONLY public.lk_322de72a_orders lk_to WHERE lk_to."id" = NEW."id";
      END IF;
    END IF;
  END IF;
  RETURN NULL;
END
$lk$;
CREATE TRIGGER zz_lockkeeper_d8effc65_1 AFTER INSERT OR UPDATE OR DELETE ON public."Purchases"
 FOR EACH ROW EXECUTE FUNCTION lockkeeper."sync_orders-status_1"();
CREATE TRIGGER zz_lockkeeper_d8effc65_1_truncate AFTER TRUNCATE ON public."Purchases"
 FOR EACH STATEMENT EXECUTE FUNCTION lockkeeper."sync_orders-status_1"();
ALTER TABLE public."Purchases" ENABLE ALWAYS TRIGGER zz_lockkeeper_d8effc65_1,
  ENABLE ALWAYS TRIGGER zz_lockkeeper_d8effc65_1_truncate;
CREATE VIEW public.orders WITH (security_invoker = true) AS
  SELECT id, customer_id, status, total, placed_at FROM public."Purchases";
ALTER VIEW public.orders OWNER TO keeper;
GRANT SELECT, INSERT ON public.orders TO app;
GRANT SELECT ON public.orders TO PUBLIC;
GRANT UPDATE ON public.orders TO app WITH GRANT OPTION;
GRANT UPDATE (status) ON public.orders TO clerk;
COMMIT;

-- 1.switch.validate-orders_customer_id_fkey: prove orders_customer_id_fkey of public."Purchases" for every row
BEGIN;
ALTER TABLE public."Purchases" VALIDATE CONSTRAINT orders_customer_id_fkey;
COMMIT;

-- 1.switch.validate-notes_fk: prove notes_fk of public."Notes" for every row
BEGIN;
ALTER TABLE public."Notes" VALIDATE CONSTRAINT notes_fk;
COMMIT;

-- 1.switch.comments: give the view the comments of the table
BEGIN;
COMMENT ON VIEW public.orders IS 'what customers asked for';
COMMENT ON COLUMN public.orders.status IS 'where the order stands';
COMMIT;

-- 1.contract.gate: wait until nothing names public.orders
-- gate 1.contract: No version of the application names public.orders any more

-- 1.contract.check-trigger: look whether zz_lockkeeper_d8effc65_1 is in place
-- zz_lockkeeper_d8effc65_1 must be in place

-- 1.contract.check-truncate: look whether zz_lockkeeper_d8effc65_1_truncate is in place
-- zz_lockkeeper_d8effc65_1_truncate must be in place

-- 1.contract.compare: compare public."Purchases" and lk_322de72a_orders in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE lk_to.id IS NULL) AS missing,
       count(*) FILTER (WHERE NOT lk_to.id IS NULL AND ROW(lk_from.id, lk_from.customer_id, lk_from.status, lk_from.total, lk_from.placed_at)::record *<> ROW(lk_to.id, lk_to.customer_id, lk_to.status, lk_to.total, lk_to.placed_at)::record) AS different
  FROM (SELECT id, customer_id, status, total, placed_at FROM ONLY public."Purchases" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid) lk_from
  LEFT JOIN ONLY public.lk_322de72a_orders lk_to ON lk_to.id = lk_from.id;
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT EXISTS (
         SELECT FROM ONLY public."Purchases" lk_from WHERE lk_to.id = lk_from.id)) AS extra
  FROM (SELECT id FROM ONLY public.lk_322de72a_orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid) lk_to;

-- 1.contract.quarantine: drop the view public.orders; lk_322de72a_orders, what was public.orders, is kept in step
BEGIN;
DROP VIEW public.orders;
COMMIT;

-- 1.contract.wait: keep lk_322de72a_orders for the quarantine
-- the quarantine

-- 1.contract.compare-again: compare public."Purchases" and lk_322de72a_orders in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE lk_to.id IS NULL) AS missing,
       count(*) FILTER (WHERE NOT lk_to.id IS NULL AND ROW(lk_from.id, lk_from.customer_id, lk_from.status, lk_from.total, lk_from.placed_at)::record *<> ROW(lk_to.id, lk_to.customer_id, lk_to.status, lk_to.total, lk_to.placed_at)::record) AS different
  FROM (SELECT id, customer_id, status, total, placed_at FROM ONLY public."Purchases" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid) lk_from
  LEFT JOIN ONLY public.lk_322de72a_orders lk_to ON lk_to.id = lk_from.id;
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT EXISTS (
         SELECT FROM ONLY public."Purchases" lk_from WHERE lk_to.id = lk_from.id)) AS extra
  FROM (SELECT id FROM ONLY public.lk_322de72a_orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid) lk_to;

-- 1.contract.purge: drop lk_322de72a_orders, what was public.orders, for good
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public."Purchases";
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1_truncate ON public."Purchases";
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
DROP TABLE public.lk_322de72a_orders;
COMMIT;
