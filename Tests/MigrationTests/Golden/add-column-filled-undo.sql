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
ALTER TABLE public.orders ALTER COLUMN token DROP DEFAULT;
COMMIT;

-- 2.contract.not-null.drop: let token be NULL for PostgreSQL again, and not for the check
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_bfb93884_token_not_null CHECK (token IS NOT NULL) NOT VALID;
ALTER TABLE public.orders ALTER COLUMN token DROP NOT NULL;
COMMIT;

-- 2.contract.not-null.validate: prove that no token is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_bfb93884_token_not_null;
COMMIT;

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

-- 1.contract.not-null.drop: let label be NULL for PostgreSQL again, and not for the check
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_7e15c477_label_not_null CHECK (label IS NOT NULL) NOT VALID;
ALTER TABLE public.orders ALTER COLUMN label DROP NOT NULL;
COMMIT;

-- 1.contract.not-null.validate: prove that no label is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_7e15c477_label_not_null;
COMMIT;

-- 2.backfill.not-null-check.drop: drop the check lk_bfb93884_token_not_null
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT IF EXISTS lk_bfb93884_token_not_null;
COMMIT;

-- 1.backfill.not-null-check.drop: drop the check lk_7e15c477_label_not_null
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT IF EXISTS lk_7e15c477_label_not_null;
COMMIT;

-- 1.backfill.check.drop: drop the constraint orders_label_check
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_label_check;
COMMIT;

-- 2.migrate.fill-on-write.drop: drop the fill-on-write trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_2 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_2"();
COMMIT;

-- 1.migrate.fill-on-write.drop: drop the fill-on-write trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
COMMIT;

-- 2.expand.add-column.gate: wait until nothing names token
-- gate 2.undo: No version of the application names public.orders.token any more

-- 2.expand.add-column.aside: put token aside as lk_bfb93884_token
BEGIN;
ALTER TABLE public.orders ALTER COLUMN token DROP NOT NULL;
ALTER TABLE public.orders ALTER COLUMN token DROP DEFAULT;
ALTER TABLE public.orders RENAME COLUMN token TO lk_bfb93884_token;
COMMIT;

-- 1.expand.add-column.gate: wait until nothing names label
-- gate 1.undo: No version of the application names public.orders.label any more

-- 1.expand.add-column.aside: put label aside as lk_7e15c477_label
BEGIN;
ALTER TABLE public.orders ALTER COLUMN label DROP NOT NULL;
ALTER TABLE public.orders ALTER COLUMN label DROP DEFAULT;
ALTER TABLE public.orders RENAME COLUMN label TO lk_7e15c477_label;
COMMIT;
