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
       pg_catalog.count(((customer_id))::text),
       count(*) FILTER (WHERE (customer_id) IS NULL) AS v1,
       count(*) FILTER (WHERE pg_catalog.round(((customer_id))::numeric) NOT BETWEEN -2147483648 AND 2147483647) AS v2,
       count(*) FILTER (WHERE CASE WHEN pg_catalog.round(((customer_id))::numeric) NOT BETWEEN -2147483648 AND 2147483647 THEN false ELSE (customer_id IS DISTINCT FROM ((customer_id)::integer)::bigint) END) AS v3
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.expand.add-column: add column customer_id_new integer to public.orders
BEGIN;
ALTER TABLE public.orders ADD COLUMN customer_id_new integer;
COMMIT;

-- 1.migrate.sync: keep customer_id and customer_id_new in step by a trigger
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
  IF TG_OP = 'UPDATE' THEN
    IF ROW(lk_new."customer_id")::record *<> ROW(lk_old."customer_id")::record THEN
      IF NOT (ROW(lk_new."customer_id_new")::record *<> ROW(lk_old."customer_id_new")::record) THEN
        <<"orders">>
        DECLARE
          "customer_id" bigint := lk_new."customer_id";
        BEGIN
          lk_new."customer_id_new" := (customer_id);
        END;
      END IF;
    ELSIF ROW(lk_new."customer_id_new")::record *<> ROW(lk_old."customer_id_new")::record THEN
      <<"orders">>
      DECLARE
        "customer_id_new" integer := lk_new."customer_id_new";
      BEGIN
        lk_new."customer_id" := (customer_id_new);
      END;
    ELSIF lk_new."customer_id_new" IS NULL THEN
      <<"orders">>
      DECLARE
        "customer_id" bigint := lk_new."customer_id";
      BEGIN
        lk_new."customer_id_new" := (customer_id);
      END;
    END IF;
  ELSE
    IF lk_new."customer_id_new" IS NULL THEN
      <<"orders">>
      DECLARE
        "customer_id" bigint := lk_new."customer_id";
      BEGIN
        lk_new."customer_id_new" := (customer_id);
      END;
    ELSIF lk_new."customer_id" IS NULL THEN
      -- Written by the new version, unless one side is already the image of the other.
      <<"orders">>
      DECLARE
        "customer_id" bigint := lk_new."customer_id";
        "customer_id_new" integer := lk_new."customer_id_new";
      BEGIN
        IF ROW("customer_id_new")::record *<> ROW((customer_id)::integer)::record
           AND ROW("customer_id")::record *<> ROW((customer_id_new)::bigint)::record
        THEN
          lk_new."customer_id" := (customer_id_new);
        END IF;
      END;
    END IF;
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

-- 1.backfill.check-trigger: look whether the sync trigger is in place
-- zz_lockkeeper_d8effc65_1 must be in place

-- 1.backfill.fill: fill customer_id_new from up
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'orders-status/1', true);
UPDATE ONLY public.orders SET customer_id_new = (customer_id)
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (customer_id_new IS NULL AND (customer_id) IS NOT NULL);
COMMIT;

-- 1.backfill.not-null-check: refuse NULL in new values of customer_id_new
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_eb4a3cb4_customer_id_new_not_null CHECK (customer_id_new IS NOT NULL) NOT VALID;
COMMIT;

-- 1.backfill.not-null-validate: prove that no customer_id_new is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_eb4a3cb4_customer_id_new_not_null;
COMMIT;

-- 1.backfill.not-null: set customer_id_new NOT NULL
BEGIN;
ALTER TABLE public.orders ALTER COLUMN customer_id_new SET NOT NULL;
ALTER TABLE public.orders DROP CONSTRAINT lk_eb4a3cb4_customer_id_new_not_null;
COMMIT;

-- 1.backfill.analyze: gather statistics of customer_id_new
BEGIN;
ANALYZE public.orders (customer_id_new);
COMMIT;

-- 1.switch.check-trigger: look whether the sync trigger is in place
-- zz_lockkeeper_d8effc65_1 must be in place

-- 1.switch.compare: compare customer_id and customer_id_new in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT (ROW(customer_id_new)::record *= ROW((customer_id)::integer)::record)
   AND NOT (ROW(customer_id)::record *= ROW((customer_id_new)::bigint)::record)) AS different
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.switch.gate: wait for the application to use customer_id_new
-- gate 1.switch: The version of the application that uses customer_id_new is deployed everywhere

-- 1.contract.check-trigger: look whether the sync trigger is in place
-- zz_lockkeeper_d8effc65_1 must be in place

-- 1.contract.gate: wait until nothing names customer_id
-- gate 1.contract: No version of the application names public.orders.customer_id any more

-- 1.contract.compare: compare customer_id and customer_id_new in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT (ROW(customer_id_new)::record *= ROW((customer_id)::integer)::record)
   AND NOT (ROW(customer_id)::record *= ROW((customer_id_new)::bigint)::record)) AS different
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.contract.quarantine: quarantine customer_id as lk_32f64271_customer_id, still in step
BEGIN;
ALTER TABLE public.orders RENAME COLUMN customer_id TO lk_32f64271_customer_id;
ALTER TABLE public.orders ALTER COLUMN lk_32f64271_customer_id DROP NOT NULL;
CREATE OR REPLACE FUNCTION lockkeeper."sync_orders-status_1"() RETURNS trigger LANGUAGE plpgsql
 SET search_path TO pg_catalog, public, pg_temp
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
AS $lk$
#variable_conflict use_column
DECLARE
  lk_new ALIAS FOR NEW;
  lk_old ALIAS FOR OLD;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF ROW(lk_new."lk_32f64271_customer_id")::record *<> ROW(lk_old."lk_32f64271_customer_id")::record THEN
      IF NOT (ROW(lk_new."customer_id_new")::record *<> ROW(lk_old."customer_id_new")::record) THEN
        <<"orders">>
        DECLARE
          "customer_id" bigint := lk_new."lk_32f64271_customer_id";
        BEGIN
          lk_new."customer_id_new" := (customer_id);
        END;
      END IF;
    ELSIF ROW(lk_new."customer_id_new")::record *<> ROW(lk_old."customer_id_new")::record THEN
      <<"orders">>
      DECLARE
        "customer_id_new" integer := lk_new."customer_id_new";
      BEGIN
        lk_new."lk_32f64271_customer_id" := (customer_id_new);
      END;
    ELSIF lk_new."customer_id_new" IS NULL THEN
      <<"orders">>
      DECLARE
        "customer_id" bigint := lk_new."lk_32f64271_customer_id";
      BEGIN
        lk_new."customer_id_new" := (customer_id);
      END;
    END IF;
  ELSE
    IF lk_new."customer_id_new" IS NULL THEN
      <<"orders">>
      DECLARE
        "customer_id" bigint := lk_new."lk_32f64271_customer_id";
      BEGIN
        lk_new."customer_id_new" := (customer_id);
      END;
    ELSIF lk_new."lk_32f64271_customer_id" IS NULL THEN
      -- Written by the new version, unless one side is already the image of the other.
      <<"orders">>
      DECLARE
        "customer_id" bigint := lk_new."lk_32f64271_customer_id";
        "customer_id_new" integer := lk_new."customer_id_new";
      BEGIN
        IF ROW("customer_id_new")::record *<> ROW((customer_id)::integer)::record
           AND ROW("customer_id")::record *<> ROW((customer_id_new)::bigint)::record
        THEN
          lk_new."lk_32f64271_customer_id" := (customer_id_new);
        END IF;
      END;
    END IF;
  END IF;
  RETURN lk_new;
END
$lk$;
COMMIT;

-- 1.contract.wait: keep customer_id as lk_32f64271_customer_id for the quarantine
-- the quarantine

-- 1.contract.compare-again: compare lk_32f64271_customer_id and customer_id_new in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE (SELECT NOT (ROW(customer_id_new)::record *= ROW((customer_id)::integer)::record) FROM (SELECT orders.*, orders.lk_32f64271_customer_id AS customer_id) AS orders)
   AND (SELECT NOT (ROW(customer_id)::record *= ROW((customer_id_new)::bigint)::record) FROM (SELECT orders.*, orders.lk_32f64271_customer_id AS customer_id) AS orders)) AS different
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.contract.purge: drop lk_32f64271_customer_id, what was customer_id, for good
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
ALTER TABLE public.orders DROP COLUMN lk_32f64271_customer_id;
COMMIT;

-- 1.contract.final-name-gate: wait until nothing names customer_id_new
-- gate 1.final_name: No version of the application names public.orders.customer_id_new any more; customer_id is its name from here on

-- 1.contract.final-name: rename customer_id_new to customer_id
BEGIN;
ALTER TABLE public.orders RENAME COLUMN customer_id_new TO customer_id;
COMMIT;
