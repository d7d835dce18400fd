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
      IF NOT (ROW(lk_new."state")::record *<> ROW(lk_old."state")::record) THEN
        <<"orders">>
        DECLARE
          "status" character varying(20) := lk_new."status";
        BEGIN
          lk_new."state" := (status);
        END;
      END IF;
    ELSIF ROW(lk_new."state")::record *<> ROW(lk_old."state")::record THEN
      <<"orders">>
      DECLARE
        "state" text := lk_new."state";
      BEGIN
        lk_new."status" := (state);
      END;
    ELSIF lk_new."state" IS NULL THEN
      <<"orders">>
      DECLARE
        "status" character varying(20) := lk_new."status";
      BEGIN
        lk_new."state" := (status);
      END;
    END IF;
  ELSE
    IF lk_new."state" IS NULL THEN
      <<"orders">>
      DECLARE
        "status" character varying(20) := lk_new."status";
      BEGIN
        lk_new."state" := (status);
      END;
    ELSIF lk_new."status" IS NULL
       OR ROW(lk_new."status")::record *= ROW(('new'::character varying)::character varying(20))::record THEN
      -- Written by the new version, unless one side is already the image of the other.
      <<"orders">>
      DECLARE
        "status" character varying(20) := lk_new."status";
        "state" text := lk_new."state";
      BEGIN
        IF ROW("state")::record *<> ROW((status)::text)::record
           AND ROW("status")::record *<> ROW((state)::character varying(20))::record
        THEN
          lk_new."status" := (state);
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
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.contract.quarantine.not-null: refuse NULL in new values of status
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT status_given NOT NULL status NOT VALID;
COMMENT ON CONSTRAINT status_given ON public.orders IS 'always known';
COMMIT;

-- 1.contract.quarantine.not-null-validate: prove that no status is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT status_given;
COMMIT;

-- 1.backfill.not-null.drop: let state be NULL again
BEGIN;
ALTER TABLE public.orders ALTER COLUMN state DROP NOT NULL;
COMMIT;

-- 1.backfill.check-orders_state_check.drop: drop the constraint orders_state_check
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_state_check;
COMMIT;

-- 1.backfill.index-orders_state_idx.drop: drop index orders_state_idx
DROP INDEX CONCURRENTLY IF EXISTS public.orders_state_idx;

-- 1.migrate.sync.gate: wait until nothing names state
-- gate 1.undo: No version of the application names public.orders.state any more

-- 1.migrate.sync.compare: compare what was written to state with status
SELECT count(*) AS rows, count(*) FILTER (WHERE state IS NOT NULL
   AND NOT (ROW(state)::record *= ROW((status)::text)::record)
   AND NOT (ROW(status)::record *= ROW((state)::character varying(20))::record)) AS different
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.migrate.sync.drop: drop the sync trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
COMMIT;

-- 1.expand.add-column.gate: wait until nothing names state
-- gate 1.undo: No version of the application names public.orders.state any more

-- 1.expand.add-column.drop: drop column state
BEGIN;
ALTER TABLE public.orders DROP COLUMN state;
COMMIT;
