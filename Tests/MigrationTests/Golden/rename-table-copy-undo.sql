-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.contract.quarantine.restore: put the view public.orders back
BEGIN;
CREATE VIEW public.orders WITH (security_invoker = true) AS
  SELECT id, customer_id, status, total, placed_at FROM public."Purchases";
ALTER VIEW public.orders OWNER TO keeper;
GRANT SELECT, INSERT ON public.orders TO app;
GRANT SELECT ON public.orders TO PUBLIC;
GRANT UPDATE ON public.orders TO app WITH GRANT OPTION;
GRANT UPDATE (status) ON public.orders TO clerk;
COMMENT ON VIEW public.orders IS 'what customers asked for';
COMMENT ON COLUMN public.orders.status IS 'where the order stands';
COMMIT;

-- 1.switch.swap.gate: wait until nothing names public."Purchases"
-- gate 1.undo: No version of the application names public."Purchases" any more

-- 1.switch.swap.check-trigger: look whether zz_lockkeeper_d8effc65_1 is in place
-- zz_lockkeeper_d8effc65_1 must be in place

-- 1.switch.swap.check-truncate: look whether zz_lockkeeper_d8effc65_1_truncate is in place
-- zz_lockkeeper_d8effc65_1_truncate must be in place

-- 1.switch.swap.compare: compare public."Purchases" and lk_322de72a_orders in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE lk_to.id IS NULL) AS missing,
       count(*) FILTER (WHERE NOT lk_to.id IS NULL AND ROW(lk_from.id, lk_from.customer_id, lk_from.status, lk_from.total, lk_from.placed_at)::record *<> ROW(lk_to.id, lk_to.customer_id, lk_to.status, lk_to.total, lk_to.placed_at)::record) AS different
  FROM (SELECT id, customer_id, status, total, placed_at FROM ONLY public."Purchases" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid) lk_from
  LEFT JOIN ONLY public.lk_322de72a_orders lk_to ON lk_to.id = lk_from.id;
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT EXISTS (
         SELECT FROM ONLY public."Purchases" lk_from WHERE lk_to.id = lk_from.id)) AS extra
  FROM (SELECT id FROM ONLY public.lk_322de72a_orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid) lk_to;

-- 1.switch.swap.swap: swap the tables back: public.orders is the old table again, and the copy follows
BEGIN;
DO $lockkeeper$ DECLARE
  found text;
BEGIN
  SELECT pg_catalog.string_agg(what, ', ') INTO found FROM (
    ((SELECT pg_catalog.format('column %I %s%s %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN ' NOT NULL' END, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
      FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = 'public."Purchases"'::pg_catalog.regclass::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped) EXCEPT (SELECT pg_catalog.format('column %I %s%s %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN ' NOT NULL' END, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
      FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = 'public.lk_322de72a_orders'::pg_catalog.regclass::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped)) UNION ALL ((SELECT pg_catalog.format('column %I %s%s %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN ' NOT NULL' END, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
      FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = 'public.lk_322de72a_orders'::pg_catalog.regclass::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped) EXCEPT (SELECT pg_catalog.format('column %I %s%s %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN ' NOT NULL' END, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
      FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = 'public."Purchases"'::pg_catalog.regclass::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped))) altered(what);
  IF found IS NOT NULL THEN
    RAISE EXCEPTION USING MESSAGE = 'public."Purchases" has been altered since the tables were swapped' || ': ' || found,
      HINT = 'Roll back to where the copy is made anew, or undo the change.';
  END IF;
END $lockkeeper$;
DROP VIEW public.orders;
ALTER TABLE public."Purchases" DROP CONSTRAINT orders_customer_id_fkey;
ALTER TABLE public."Notes" DROP CONSTRAINT notes_fk;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public."Purchases";
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1_truncate ON public."Purchases";
DROP TRIGGER audit ON public."Purchases";
DROP TRIGGER resting ON public."Purchases";
DROP POLICY own ON public."Purchases";
ALTER TABLE public."Purchases" DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON public."Purchases" FROM PUBLIC, app, clerk;
ALTER TABLE public."Purchases" RENAME TO "lk_13bbbdad_Purchases";
ALTER INDEX public.orders_pkey RENAME TO lk_bbde5bcc_orders_pkey;
ALTER INDEX public.orders_status_idx RENAME TO lk_fe0f59bd_orders_status_idx;
ALTER STATISTICS public.orders_related RENAME TO lk_a1a9ca93_orders_related;
ALTER TABLE public.lk_322de72a_orders RENAME TO orders;
ALTER INDEX public.lk_0d6aecba_orders_pkey RENAME TO orders_pkey;
ALTER INDEX public.lk_df58fc93_orders_status_idx RENAME TO orders_status_idx;
ALTER STATISTICS public.lk_c3c57901_orders_related RENAME TO orders_related;
DO $lockkeeper$ DECLARE
  place bigint;
  was_drawn boolean;
BEGIN
  SELECT last_value, is_called INTO place, was_drawn FROM public.orders_id_seq;
  ALTER TABLE public."lk_13bbbdad_Purchases" ALTER COLUMN id DROP IDENTITY;
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
ALTER TABLE public.orders ENABLE ALWAYS TRIGGER audit;
GRANT SELECT, INSERT ON public.orders TO app;
GRANT SELECT ON public.orders TO PUBLIC;
GRANT UPDATE ON public.orders TO app WITH GRANT OPTION;
GRANT UPDATE (status) ON public.orders TO clerk;
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
CREATE TRIGGER zz_lockkeeper_d8effc65_1 AFTER INSERT OR UPDATE OR DELETE ON public.orders
 FOR EACH ROW EXECUTE FUNCTION lockkeeper."sync_orders-status_1"();
CREATE TRIGGER zz_lockkeeper_d8effc65_1_truncate AFTER TRUNCATE ON public.orders
 FOR EACH STATEMENT EXECUTE FUNCTION lockkeeper."sync_orders-status_1"();
ALTER TABLE public.orders ENABLE ALWAYS TRIGGER zz_lockkeeper_d8effc65_1,
  ENABLE ALWAYS TRIGGER zz_lockkeeper_d8effc65_1_truncate;
COMMIT;

-- 1.switch.swap.validate-orders_customer_id_fkey: prove orders_customer_id_fkey of public.orders for every row
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_customer_id_fkey;
COMMIT;

-- 1.switch.swap.validate-notes_fk: prove notes_fk of public."Notes" for every row
BEGIN;
ALTER TABLE public."Notes" VALIDATE CONSTRAINT notes_fk;
COMMIT;

-- 1.backfill.statistics-orders_related.drop: drop statistics public.lk_a1a9ca93_orders_related
BEGIN;
DROP STATISTICS public.lk_a1a9ca93_orders_related;
COMMIT;

-- 1.backfill.check-total_known.drop: drop the check total_known
BEGIN;
ALTER TABLE public."lk_13bbbdad_Purchases" DROP CONSTRAINT total_known;
COMMIT;

-- 1.backfill.index-orders_status_idx.drop: drop index lk_fe0f59bd_orders_status_idx
DROP INDEX CONCURRENTLY IF EXISTS public.lk_fe0f59bd_orders_status_idx;

-- 1.migrate.sync.drop: drop the triggers on public.orders and their function
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1_truncate ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
COMMIT;

-- 1.expand.copy-table.drop: drop the copy "lk_13bbbdad_Purchases"
BEGIN;
DROP TABLE public."lk_13bbbdad_Purchases";
COMMIT;
