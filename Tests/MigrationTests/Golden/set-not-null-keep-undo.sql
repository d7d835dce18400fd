-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.contract.drop-trigger.create: fill what is written again
BEGIN;
CREATE FUNCTION lockkeeper."sync_orders-status_1"() RETURNS trigger LANGUAGE plpgsql
 SET search_path TO pg_catalog, public, pg_temp
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
AS $lk$
#variable_conflict use_column
DECLARE
  lk_new ALIAS FOR NEW;
  lk_old ALIAS FOR OLD;
BEGIN
  IF lk_new."total" IS NULL AND (TG_OP = 'INSERT' OR lk_old."total" IS NOT NULL) THEN
    <<"orders">>
    BEGIN
      lk_new."total" := (0);
    END;
  END IF;
  RETURN lk_new;
END
$lk$;
CREATE TRIGGER zz_lockkeeper_d8effc65_1 BEFORE INSERT OR UPDATE ON public.orders FOR EACH ROW
 WHEN (pg_catalog.current_setting('lockkeeper.fill', true) IS DISTINCT FROM 'orders-status/1'
       OR pg_catalog.pg_trigger_depth() > 0)
 EXECUTE FUNCTION lockkeeper."sync_orders-status_1"();
ALTER TABLE public.orders ENABLE ALWAYS TRIGGER zz_lockkeeper_d8effc65_1;
COMMIT;

-- 1.contract.not-null.drop: let total be NULL for PostgreSQL again, and not for the check
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_1537fc17_total_not_null CHECK (total IS NOT NULL) NOT VALID;
ALTER TABLE public.orders ALTER COLUMN total DROP NOT NULL;
COMMIT;

-- 1.contract.not-null.validate: prove that no total is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_1537fc17_total_not_null;
COMMIT;

-- 1.backfill.not-null-check.drop: drop the check lk_1537fc17_total_not_null
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT IF EXISTS lk_1537fc17_total_not_null;
COMMIT;

-- 1.backfill.fill.restore: give total the values of before where they are still what the fill wrote
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'orders-status/1', true);
UPDATE ONLY public.orders SET total = (SELECT CASE WHEN ROW(public.orders.total)::record *= ROW(lk_kept.wrote1)::record THEN lk_kept.was1 ELSE public.orders.total END
  FROM lockkeeper."kept_orders-status_1" AS lk_kept WHERE lk_kept.k1 = public.orders.id)
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (EXISTS (SELECT FROM lockkeeper."kept_orders-status_1" AS lk_kept
         WHERE lk_kept.k1 = public.orders.id AND (NOT (ROW(lk_kept.was1)::record *= ROW(lk_kept.wrote1)::record) AND ROW(public.orders.total)::record *= ROW(lk_kept.wrote1)::record)));
COMMIT;

-- 1.backfill.store.drop: drop lockkeeper."kept_orders-status_1"
BEGIN;
DROP TABLE lockkeeper."kept_orders-status_1";
COMMIT;

-- 1.migrate.fill-on-write.drop: drop the fill-on-write trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
COMMIT;
