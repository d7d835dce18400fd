-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.probe: try up on every row of public.orders
SELECT count(*) AS rows,
       pg_catalog.count((((SELECT c.id FROM customers c WHERE c.legacy_id = orders.id))::bigint)::text)
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.expand.orphans: count the rows of public.orders that reference nothing in public.customers
SELECT 'id=' || coalesce(id::text, 'NULL') || ' (' || 'buyer=' || coalesce(buyer::text, 'NULL') || ')' AS finding,
       count(*) OVER () AS violators
  FROM (
  SELECT orders.*, ((SELECT c.id FROM customers c WHERE c.legacy_id = orders.id))::bigint AS buyer
    FROM ONLY public.orders) AS lk_child
 WHERE lk_child.buyer IS NOT NULL AND NOT EXISTS (SELECT FROM ONLY public.customers AS lk_parent WHERE lk_parent.id = lk_child.buyer)
 ORDER BY 1 LIMIT 5;

-- 1.expand.add-column: add column buyer bigint to public.orders
BEGIN;
ALTER TABLE public.orders ADD COLUMN buyer bigint;
COMMIT;

-- 1.migrate.fill-on-write: give buyer a value in every row that is written
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

-- 1.backfill.check-trigger: look whether the fill-on-write trigger is in place
-- zz_lockkeeper_d8effc65_1 must be in place

-- 1.backfill.fill: fill buyer from (SELECT c.id FROM customers c WHERE c.legacy_id = orders.id)
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'orders-status/1', true);
UPDATE ONLY public.orders SET buyer = ((SELECT c.id FROM customers c WHERE c.legacy_id = orders.id))
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (buyer IS NULL AND ((SELECT c.id FROM customers c WHERE c.legacy_id = orders.id)) IS NOT NULL);
COMMIT;

-- 1.backfill.foreign-key: reference public.customers from new rows: orders_buyer_fkey
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT orders_buyer_fkey FOREIGN KEY (buyer) REFERENCES public.customers (id) ON DELETE SET NULL NOT VALID;
COMMIT;

-- 1.backfill.validate: prove orders_buyer_fkey for every row
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_buyer_fkey;
COMMIT;

-- 1.contract.gate: wait for the application to write buyer
-- gate 1.contract: Every version of the application that runs writes public.orders.buyer

-- 1.contract.drop-trigger: drop the fill-on-write trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
COMMIT;
