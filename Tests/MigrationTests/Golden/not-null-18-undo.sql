-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 4.contract.quarantine.restore: give customer_id its name back
BEGIN;
ALTER TABLE public.orders RENAME COLUMN lk_32f64271_customer_id TO customer_id;
COMMIT;

-- 3.contract.drop-trigger.create: fill what is written again
BEGIN;
CREATE FUNCTION lockkeeper."sync_orders-status_3"() RETURNS trigger LANGUAGE plpgsql
 SET search_path TO pg_catalog, public, pg_temp
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
AS $lk$
#variable_conflict use_column
DECLARE
  lk_new ALIAS FOR NEW;
BEGIN
  IF lk_new."label" IS NULL THEN
    <<"orders">>
    BEGIN
      lk_new."label" := ('x');
    END;
  END IF;
  RETURN lk_new;
END
$lk$;
CREATE TRIGGER zz_lockkeeper_d8effc65_3 BEFORE INSERT OR UPDATE ON public.orders FOR EACH ROW
 WHEN (pg_catalog.current_setting('lockkeeper.fill', true) IS DISTINCT FROM 'orders-status/3'
       OR pg_catalog.pg_trigger_depth() > 0)
 EXECUTE FUNCTION lockkeeper."sync_orders-status_3"();
ALTER TABLE public.orders ENABLE ALWAYS TRIGGER zz_lockkeeper_d8effc65_3;
COMMIT;

-- 2.contract.drop-trigger.create: fill what is written again
BEGIN;
CREATE FUNCTION lockkeeper."sync_orders-status_2"() RETURNS trigger LANGUAGE plpgsql
 SET search_path TO pg_catalog, public, pg_temp
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
AS $lk$
#variable_conflict use_column
DECLARE
  lk_new ALIAS FOR NEW;
BEGIN
  IF lk_new."placed_at" IS NULL THEN
    <<"orders">>
    DECLARE
      "placed_at" timestamp without time zone := lk_new."placed_at";
    BEGIN
      lk_new."placed_at" := (coalesce(placed_at, now()));
    END;
  END IF;
  RETURN lk_new;
END
$lk$;
CREATE TRIGGER zz_lockkeeper_d8effc65_2 BEFORE INSERT OR UPDATE ON public.orders FOR EACH ROW
 WHEN (pg_catalog.current_setting('lockkeeper.fill', true) IS DISTINCT FROM 'orders-status/2'
       OR pg_catalog.pg_trigger_depth() > 0)
 EXECUTE FUNCTION lockkeeper."sync_orders-status_2"();
ALTER TABLE public.orders ENABLE ALWAYS TRIGGER zz_lockkeeper_d8effc65_2;
COMMIT;

-- 3.backfill.not-null.drop: let label be NULL again
BEGIN;
ALTER TABLE public.orders ALTER COLUMN label DROP NOT NULL;
COMMIT;

-- 2.backfill.not-null.drop: let placed_at be NULL again
BEGIN;
ALTER TABLE public.orders ALTER COLUMN placed_at DROP NOT NULL;
COMMIT;

-- 1.backfill.not-null.drop: let total be NULL again
BEGIN;
ALTER TABLE public.orders ALTER COLUMN total DROP NOT NULL;
COMMIT;

-- 4.migrate.drop-not-null.gate: wait for the application to write customer_id again
-- gate 4.undo: Every version of the application that runs writes public.orders.customer_id again

-- 4.migrate.drop-not-null.not-null-probe: look for rows without customer_id
SELECT count(*) AS rows,
       count(*) FILTER (WHERE customer_id IS NULL) AS v1
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 4.migrate.drop-not-null.not-null: refuse NULL in new values of customer_id
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT orders_customer_id_not_null NOT NULL customer_id NOT VALID;
COMMIT;

-- 4.migrate.drop-not-null.not-null-validate: prove that no customer_id is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_customer_id_not_null;
COMMIT;

-- 3.migrate.fill-on-write.drop: drop the fill-on-write trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_3 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_3"();
COMMIT;

-- 2.migrate.fill-on-write.drop: drop the fill-on-write trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_2 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_2"();
COMMIT;

-- 3.expand.add-column.gate: wait until nothing names label
-- gate 3.undo: No version of the application names public.orders.label any more

-- 3.expand.add-column.aside: put label aside as lk_7e15c477_label
BEGIN;
ALTER TABLE public.orders ALTER COLUMN label DROP NOT NULL;
ALTER TABLE public.orders ALTER COLUMN label DROP DEFAULT;
ALTER TABLE public.orders RENAME COLUMN label TO lk_7e15c477_label;
COMMIT;
