-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.probe: try up on every row whose total is NULL
SELECT count(*) AS rows,
       pg_catalog.count((CASE WHEN total IS NULL THEN (0)::numeric(10,2) END)::text),
       count(*) FILTER (WHERE total IS NULL AND (0) IS NULL) AS v1
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.migrate.fill-on-write: give total a value in every row that is written
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

-- 1.backfill.check-trigger: look whether the fill-on-write trigger is in place
-- zz_lockkeeper_d8effc65_1 must be in place

-- 1.backfill.store: make lockkeeper."kept_orders-status_1" for what the fill writes over
BEGIN;
CREATE TABLE lockkeeper."kept_orders-status_1" (
  k1 bigint NOT NULL,
  was1 numeric(10,2),
  wrote1 numeric(10,2),
  PRIMARY KEY (k1));
COMMIT;

-- 1.backfill.fill: fill total from 0
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'orders-status/1', true);
WITH lk_before AS MATERIALIZED (
  SELECT ctid AS lk_ctid, id AS lk_k1, total AS lk_was1 FROM ONLY public.orders
   WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (total IS NULL AND (0) IS NOT NULL) FOR NO KEY UPDATE),
lk_filled AS (
  UPDATE ONLY public.orders SET total = (0) FROM lk_before
   WHERE orders.ctid = lk_before.lk_ctid
  RETURNING lk_before.lk_k1, lk_before.lk_was1, orders.total AS lk_wrote1)
INSERT INTO lockkeeper."kept_orders-status_1" (k1, was1, wrote1)
SELECT lk_k1, lk_was1, lk_wrote1 FROM lk_filled
 WHERE NOT (ROW(lk_was1)::record *= ROW(lk_wrote1)::record)
ON CONFLICT (k1) DO UPDATE SET was1 = excluded.was1, wrote1 = excluded.wrote1;
COMMIT;

-- 1.backfill.not-null-check: refuse NULL in new values of total
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_1537fc17_total_not_null CHECK (total IS NOT NULL) NOT VALID;
COMMIT;

-- 1.backfill.not-null-validate: prove that no total is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_1537fc17_total_not_null;
COMMIT;

-- 1.contract.not-null: set total NOT NULL
BEGIN;
ALTER TABLE public.orders ALTER COLUMN total SET NOT NULL;
ALTER TABLE public.orders DROP CONSTRAINT lk_1537fc17_total_not_null;
COMMIT;

-- 1.contract.gate: wait until nothing writes NULL to total
-- gate 1.contract: No version of the application that runs writes NULL to public.orders.total

-- 1.contract.drop-trigger: drop the fill-on-write trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
COMMIT;

-- 1.contract.wait: keep what the fill wrote over for the quarantine
-- the quarantine

-- 1.contract.purge: drop lockkeeper."kept_orders-status_1", what the fill wrote over, for good
BEGIN;
DROP TABLE lockkeeper."kept_orders-status_1";
COMMIT;
