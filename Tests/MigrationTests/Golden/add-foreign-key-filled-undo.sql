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
BEGIN
  IF lk_new."buyer" IS NULL THEN
    <<"orders">>
    DECLARE
      "id" bigint := lk_new."id";
    BEGIN
      lk_new."buyer" := ((SELECT c.id FROM customers c WHERE c.legacy_id = orders.id));
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

-- 1.backfill.foreign-key.drop: drop the foreign key orders_buyer_fkey
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_buyer_fkey;
COMMIT;

-- 1.migrate.fill-on-write.drop: drop the fill-on-write trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
COMMIT;

-- 1.expand.add-column.gate: wait until nothing names buyer
-- gate 1.undo: No version of the application names public.orders.buyer any more

-- 1.expand.add-column.aside: put buyer aside as lk_ef50457e_buyer
BEGIN;
ALTER TABLE public.orders ALTER COLUMN buyer DROP NOT NULL;
ALTER TABLE public.orders ALTER COLUMN buyer DROP DEFAULT;
ALTER TABLE public.orders RENAME COLUMN buyer TO lk_ef50457e_buyer;
COMMIT;
