-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

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

-- 2.contract.not-null.drop: let placed_at be NULL for PostgreSQL again, and not for the check
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_627f9f96_placed_at_not_null CHECK (placed_at IS NOT NULL) NOT VALID;
ALTER TABLE public.orders ALTER COLUMN placed_at DROP NOT NULL;
COMMIT;

-- 2.contract.not-null.validate: prove that no placed_at is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_627f9f96_placed_at_not_null;
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

-- 2.backfill.not-null-check.drop: drop the check lk_627f9f96_placed_at_not_null
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT IF EXISTS lk_627f9f96_placed_at_not_null;
COMMIT;

-- 1.backfill.not-null-check.drop: drop the check lk_1537fc17_total_not_null
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT IF EXISTS lk_1537fc17_total_not_null;
COMMIT;

-- 2.migrate.fill-on-write.drop: drop the fill-on-write trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_2 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_2"();
COMMIT;
