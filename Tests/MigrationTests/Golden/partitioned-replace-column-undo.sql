-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.contract.quarantine.restore: give status its name back
BEGIN;
ALTER TABLE public.orders RENAME COLUMN lk_5eb66e79_status TO status;
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
    IF ROW(lk_new."status")::record *<> ROW(lk_old."status")::record THEN
      IF NOT (ROW(lk_new."status_v2")::record *<> ROW(lk_old."status_v2")::record) THEN
        <<"orders">>
        DECLARE
          "status" character varying(20) := lk_new."status";
        BEGIN
          lk_new."status_v2" := (upper(status));
        END;
      END IF;
    ELSIF ROW(lk_new."status_v2")::record *<> ROW(lk_old."status_v2")::record THEN
      <<"orders">>
      DECLARE
        "status_v2" character varying(50) := lk_new."status_v2";
      BEGIN
        lk_new."status" := (lower(status_v2));
      END;
    ELSIF lk_new."status_v2" IS NULL THEN
      <<"orders">>
      DECLARE
        "status" character varying(20) := lk_new."status";
      BEGIN
        lk_new."status_v2" := (upper(status));
      END;
    END IF;
  ELSE
    IF lk_new."status_v2" IS NULL THEN
      <<"orders">>
      DECLARE
        "status" character varying(20) := lk_new."status";
      BEGIN
        lk_new."status_v2" := (upper(status));
      END;
    ELSIF lk_new."status" IS NULL
       OR ROW(lk_new."status")::record *= ROW(('new'::character varying)::character varying(20))::record THEN
      -- Written by the new version, unless one side is already the image of the other.
      <<"orders">>
      DECLARE
        "status" character varying(20) := lk_new."status";
        "status_v2" character varying(50) := lk_new."status_v2";
      BEGIN
        IF ROW("status_v2")::record *<> ROW((upper(status))::character varying(50))::record
           AND ROW("status")::record *<> ROW((lower(status_v2))::character varying(20))::record
        THEN
          lk_new."status" := (lower(status_v2));
        END IF;
      END;
    END IF;
  END IF;
  RETURN lk_new;
END
$lk$;
COMMIT;

-- 1.contract.quarantine.not-null-probe: look for rows without status
SELECT count(*) AS rows,
       count(*) FILTER (WHERE status IS NULL) AS v1
  FROM ONLY :partition AS orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.contract.quarantine.not-null-check: refuse NULL in new values of status
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_5eb66e79_status_not_null CHECK (status IS NOT NULL) NOT VALID;
COMMIT;

-- 1.contract.quarantine.not-null-validate: prove that no status is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_5eb66e79_status_not_null;
COMMIT;

-- 1.contract.quarantine.not-null: set status NOT NULL
BEGIN;
ALTER TABLE public.orders ALTER COLUMN status SET NOT NULL;
ALTER TABLE public.orders DROP CONSTRAINT lk_5eb66e79_status_not_null;
COMMIT;

-- 1.backfill.not-null.drop: let status_v2 be NULL again
BEGIN;
ALTER TABLE public.orders ALTER COLUMN status_v2 DROP NOT NULL;
COMMIT;

-- 1.backfill.not-null-check.drop: drop the check lk_9628c23a_status_v2_not_null
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT IF EXISTS lk_9628c23a_status_v2_not_null;
COMMIT;

-- 1.backfill.check-orders_status_v2_check.drop: drop the constraint orders_status_v2_check
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_status_v2_check;
COMMIT;

-- 1.backfill.index-orders_status_v2_idx.drop: drop index orders_status_v2_idx and those of every partition
DROP INDEX IF EXISTS public.orders_status_v2_idx;

-- 1.migrate.sync.gate: wait until nothing names status_v2
-- gate 1.undo: No version of the application names public.orders.status_v2 any more

-- 1.migrate.sync.compare: compare what was written to status_v2 with status
SELECT count(*) AS rows, count(*) FILTER (WHERE status_v2 IS NOT NULL
   AND NOT (ROW(status_v2)::record *= ROW((upper(status))::character varying(50))::record)
   AND NOT (ROW(status)::record *= ROW((lower(status_v2))::character varying(20))::record)) AS different
  FROM ONLY :partition AS orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.migrate.sync.drop: drop the sync trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
COMMIT;

-- 1.expand.add-column.gate: wait until nothing names status_v2
-- gate 1.undo: No version of the application names public.orders.status_v2 any more

-- 1.expand.add-column.drop: drop column status_v2
BEGIN;
ALTER TABLE public.orders DROP COLUMN status_v2;
COMMIT;
