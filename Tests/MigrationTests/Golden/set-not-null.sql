-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 2.expand.probe: try up on every row whose placed_at is NULL
SELECT count(*) AS rows,
       pg_catalog.count((CASE WHEN placed_at IS NULL THEN (coalesce(placed_at, now()))::timestamp without time zone END)::text),
       count(*) FILTER (WHERE placed_at IS NULL AND (coalesce(placed_at, now())) IS NULL) AS v1
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.migrate.nulls: count the rows of public.orders whose total is NULL
SELECT count(*) AS rows,
       count(*) FILTER (WHERE total IS NULL) AS v1
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.migrate.gate: wait until nothing writes NULL to total
-- gate 1.migrate: No version of the application that runs writes NULL to public.orders.total

-- 1.migrate.nulls-again: look whether one was written meanwhile
SELECT count(*) AS rows,
       count(*) FILTER (WHERE total IS NULL) AS v1
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 2.migrate.fill-on-write: give placed_at a value in every row that is written
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

-- 1.backfill.not-null-check: refuse NULL in new values of total
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_1537fc17_total_not_null CHECK (total IS NOT NULL) NOT VALID;
COMMIT;

-- 1.backfill.not-null-validate: prove that no total is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_1537fc17_total_not_null;
COMMIT;

-- 2.backfill.check-trigger: look whether the fill-on-write trigger is in place
-- zz_lockkeeper_d8effc65_2 must be in place

-- 2.backfill.fill: fill placed_at from coalesce(placed_at, now())
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'orders-status/2', true);
UPDATE ONLY public.orders SET placed_at = (coalesce(placed_at, now()))
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (placed_at IS NULL AND (coalesce(placed_at, now())) IS NOT NULL);
COMMIT;

-- 2.backfill.not-null-check: refuse NULL in new values of placed_at
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_627f9f96_placed_at_not_null CHECK (placed_at IS NOT NULL) NOT VALID;
COMMIT;

-- 2.backfill.not-null-validate: prove that no placed_at is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_627f9f96_placed_at_not_null;
COMMIT;

-- 1.contract.not-null: set total NOT NULL
BEGIN;
ALTER TABLE public.orders ALTER COLUMN total SET NOT NULL;
ALTER TABLE public.orders DROP CONSTRAINT lk_1537fc17_total_not_null;
COMMIT;

-- 2.contract.not-null: set placed_at NOT NULL
BEGIN;
ALTER TABLE public.orders ALTER COLUMN placed_at SET NOT NULL;
ALTER TABLE public.orders DROP CONSTRAINT lk_627f9f96_placed_at_not_null;
COMMIT;

-- 2.contract.gate: wait until nothing writes NULL to placed_at
-- gate 2.contract: No version of the application that runs writes NULL to public.orders.placed_at

-- 2.contract.drop-trigger: drop the fill-on-write trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_2 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_2"();
COMMIT;
