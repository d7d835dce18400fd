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
      IF NOT (ROW(lk_new."label")::record *<> ROW(lk_old."label")::record) THEN
        <<"orders">>
        DECLARE
          "status" character varying(20) := lk_new."status";
        BEGIN
          lk_new."label" := (status);
        END;
      END IF;
    ELSIF ROW(lk_new."label")::record *<> ROW(lk_old."label")::record THEN
      <<"orders">>
      DECLARE
        "label" text := lk_new."label";
        "status" character varying(20);
      BEGIN
        "status" := (label);
        IF "status" IS NOT NULL AND (((status)::text <> ''::text)) IS NOT FALSE THEN
          lk_new."status" := "status";
        END IF;
      EXCEPTION WHEN data_exception OR integrity_constraint_violation OR raise_exception THEN
        NULL;  -- it stays as it last was
      END;
    ELSIF lk_new."label" IS NULL THEN
      <<"orders">>
      DECLARE
        "status" character varying(20) := lk_new."status";
      BEGIN
        lk_new."label" := (status);
      END;
    END IF;
  ELSE
    IF lk_new."label" IS NULL THEN
      <<"orders">>
      DECLARE
        "status" character varying(20) := lk_new."status";
      BEGIN
        lk_new."label" := (status);
      END;
    ELSIF lk_new."status" IS NULL
       OR ROW(lk_new."status")::record *= ROW(('new'::character varying)::character varying(20))::record THEN
      -- Written by the new version, unless the new side is the image of the old one.
      <<"orders">>
      DECLARE
        "status" character varying(20) := lk_new."status";
        "label" text := lk_new."label";
      BEGIN
        IF ROW("label")::record *<> ROW((status)::text)::record THEN
          <<"orders">>
          DECLARE
            "label" text := lk_new."label";
            "status" character varying(20);
          BEGIN
            "status" := (label);
            IF "status" IS NOT NULL AND (((status)::text <> ''::text)) IS NOT FALSE THEN
              lk_new."status" := "status";
            END IF;
          EXCEPTION WHEN data_exception OR integrity_constraint_violation OR raise_exception THEN
            NULL;  -- it stays as it last was
          END;
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

-- 1.backfill.not-null.drop: let label be NULL again
BEGIN;
ALTER TABLE public.orders ALTER COLUMN label DROP NOT NULL;
COMMIT;

-- 1.backfill.not-null-check.drop: drop the check lk_7e15c477_label_not_null
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT IF EXISTS lk_7e15c477_label_not_null;
COMMIT;

-- 1.backfill.check-orders_label_check.drop: drop the constraint orders_label_check
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_label_check;
COMMIT;

-- 1.backfill.index-orders_label_idx.drop: drop index orders_label_idx
DROP INDEX CONCURRENTLY IF EXISTS public.orders_label_idx;

-- 1.migrate.sync.gate: wait until nothing names label
-- gate 1.undo: No version of the application names public.orders.label any more

-- 1.migrate.sync.compare: compare what was written to label with status
SELECT count(*) AS rows, count(*) FILTER (WHERE label IS NOT NULL
   AND CASE WHEN NOT (ROW(label)::record *= ROW((status)::text)::record) THEN CASE WHEN lockkeeper."fits_orders-status_1"(label) THEN NOT (ROW(status)::record *= ROW((label)::character varying(20))::record) ELSE label IS NULL END END IS TRUE) AS different,
       count(*) FILTER (WHERE label IS NOT NULL
   AND CASE WHEN NOT (ROW(label)::record *= ROW((status)::text)::record) AND label IS NOT NULL THEN NOT lockkeeper."fits_orders-status_1"(label) END IS TRUE) AS forgone
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.migrate.sync.drop: drop the sync trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
COMMIT;

-- 1.expand.add-column.gate: wait until nothing names label
-- gate 1.undo: No version of the application names public.orders.label any more

-- 1.expand.add-column.drop: drop column label
BEGIN;
ALTER TABLE public.orders DROP COLUMN label;
DROP FUNCTION IF EXISTS lockkeeper."fits_orders-status_1"(text);
COMMIT;
