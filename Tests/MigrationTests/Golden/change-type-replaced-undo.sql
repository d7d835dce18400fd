-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.contract.quarantine.restore: give customer_id its name back
BEGIN;
ALTER TABLE public.orders RENAME COLUMN lk_32f64271_customer_id TO customer_id;
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
COMMIT;

-- 1.contract.quarantine.not-null-probe: look for rows without customer_id
SELECT count(*) AS rows,
       count(*) FILTER (WHERE customer_id IS NULL) AS v1
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.contract.quarantine.not-null-check: refuse NULL in new values of customer_id
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_32f64271_customer_id_not_null CHECK (customer_id IS NOT NULL) NOT VALID;
COMMIT;

-- 1.contract.quarantine.not-null-validate: prove that no customer_id is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_32f64271_customer_id_not_null;
COMMIT;

-- 1.contract.quarantine.not-null: set customer_id NOT NULL
BEGIN;
ALTER TABLE public.orders ALTER COLUMN customer_id SET NOT NULL;
ALTER TABLE public.orders DROP CONSTRAINT lk_32f64271_customer_id_not_null;
COMMIT;

-- 1.backfill.not-null.drop: let customer_id_new be NULL again
BEGIN;
ALTER TABLE public.orders ALTER COLUMN customer_id_new DROP NOT NULL;
COMMIT;

-- 1.backfill.not-null-check.drop: drop the check lk_eb4a3cb4_customer_id_new_not_null
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT IF EXISTS lk_eb4a3cb4_customer_id_new_not_null;
COMMIT;

-- 1.migrate.sync.gate: wait until nothing names customer_id_new
-- gate 1.undo: No version of the application names public.orders.customer_id_new any more

-- 1.migrate.sync.compare: compare what was written to customer_id_new with customer_id
SELECT count(*) AS rows, count(*) FILTER (WHERE customer_id_new IS NOT NULL
   AND NOT (ROW(customer_id_new)::record *= ROW((customer_id)::integer)::record)
   AND NOT (ROW(customer_id)::record *= ROW((customer_id_new)::bigint)::record)) AS different
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.migrate.sync.drop: drop the sync trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
COMMIT;

-- 1.expand.add-column.gate: wait until nothing names customer_id_new
-- gate 1.undo: No version of the application names public.orders.customer_id_new any more

-- 1.expand.add-column.drop: drop column customer_id_new
BEGIN;
ALTER TABLE public.orders DROP COLUMN customer_id_new;
COMMIT;
