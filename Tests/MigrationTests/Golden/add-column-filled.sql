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
       pg_catalog.count(((status || '-' || id)::text)::text),
       count(*) FILTER (WHERE (status || '-' || id) IS NULL) AS v1
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.expand.add-column: add column label text to public.orders
BEGIN;
ALTER TABLE public.orders ADD COLUMN label text;
COMMIT;

-- 2.expand.add-column: add column token uuid to public.orders
BEGIN;
ALTER TABLE public.orders ADD COLUMN token uuid;
COMMIT;

-- 1.migrate.fill-on-write: give label a value in every row that is written
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
  IF lk_new."label" IS NULL THEN
    <<"orders">>
    DECLARE
      "id" bigint := lk_new."id";
      "status" character varying(20) := lk_new."status";
    BEGIN
      lk_new."label" := (status || '-' || id);
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

-- 2.migrate.fill-on-write: give token a value in every row that is written
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
  IF lk_new."token" IS NULL THEN
    <<"orders">>
    BEGIN
      lk_new."token" := (gen_random_uuid());
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

-- 1.backfill.check-trigger: look whether the fill-on-write trigger is in place
-- zz_lockkeeper_d8effc65_1 must be in place

-- 1.backfill.fill: fill label from status || '-' || id
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'orders-status/1', true);
UPDATE ONLY public.orders SET label = (status || '-' || id)
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (label IS NULL AND (status || '-' || id) IS NOT NULL);
COMMIT;

-- 1.backfill.check: check new values: orders_label_check
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT orders_label_check CHECK (label <> '') NOT VALID;
COMMIT;

-- 1.backfill.check-validate: prove orders_label_check for every row
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_label_check;
COMMIT;

-- 1.backfill.not-null-check: refuse NULL in new values of label
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_7e15c477_label_not_null CHECK (label IS NOT NULL) NOT VALID;
COMMIT;

-- 1.backfill.not-null-validate: prove that no label is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_7e15c477_label_not_null;
COMMIT;

-- 2.backfill.check-trigger: look whether the fill-on-write trigger is in place
-- zz_lockkeeper_d8effc65_2 must be in place

-- 2.backfill.fill: fill token from gen_random_uuid()
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'orders-status/2', true);
UPDATE ONLY public.orders SET token = (gen_random_uuid())
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (token IS NULL);
COMMIT;

-- 2.backfill.not-null-check: refuse NULL in new values of token
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_bfb93884_token_not_null CHECK (token IS NOT NULL) NOT VALID;
COMMIT;

-- 2.backfill.not-null-validate: prove that no token is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_bfb93884_token_not_null;
COMMIT;

-- 1.contract.not-null: set label NOT NULL
BEGIN;
ALTER TABLE public.orders ALTER COLUMN label SET NOT NULL;
ALTER TABLE public.orders DROP CONSTRAINT lk_7e15c477_label_not_null;
COMMIT;

-- 1.contract.gate: wait for the application to write label
-- gate 1.contract: Every version of the application that runs writes public.orders.label

-- 1.contract.drop-trigger: drop the fill-on-write trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
COMMIT;

-- 2.contract.not-null: set token NOT NULL
BEGIN;
ALTER TABLE public.orders ALTER COLUMN token SET NOT NULL;
ALTER TABLE public.orders DROP CONSTRAINT lk_bfb93884_token_not_null;
COMMIT;

-- 2.contract.drop-trigger: set the default of token and drop the fill-on-write trigger
BEGIN;
ALTER TABLE public.orders ALTER COLUMN token SET DEFAULT gen_random_uuid();
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_2 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_2"();
COMMIT;
