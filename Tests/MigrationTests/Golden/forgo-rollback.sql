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
       pg_catalog.count(((status)::text)::text),
       count(*) FILTER (WHERE (status) IS NULL) AS v1,
       count(*) FILTER (WHERE NOT coalesce((SELECT (((label)::text <> ''::text)) FROM (SELECT orders.*, (status)::text AS label) AS orders), true)) AS v2
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.expand.add-column: add column label text to public.orders
BEGIN;
ALTER TABLE public.orders ADD COLUMN label text;
CREATE FUNCTION lockkeeper."fits_orders-status_1"(text) RETURNS boolean LANGUAGE plpgsql STABLE
 SET search_path TO pg_catalog, public, pg_temp
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
AS $lk$
#variable_conflict use_column
BEGIN
  <<"orders">>
  DECLARE
    "label" text := $1;
    "status" character varying(20);
  BEGIN
    "status" := (label);
    RETURN "status" IS NOT NULL AND (((status)::text <> ''::text)) IS NOT FALSE;
  EXCEPTION WHEN data_exception OR integrity_constraint_violation OR raise_exception THEN
    RETURN false;
  END;
END
$lk$;
COMMIT;

-- 1.migrate.sync: keep status and label in step by a trigger
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
CREATE TRIGGER zz_lockkeeper_d8effc65_1 BEFORE INSERT OR UPDATE ON public.orders FOR EACH ROW
 WHEN (pg_catalog.current_setting('lockkeeper.fill', true) IS DISTINCT FROM 'orders-status/1'
       OR pg_catalog.pg_trigger_depth() > 0)
 EXECUTE FUNCTION lockkeeper."sync_orders-status_1"();
ALTER TABLE public.orders ENABLE ALWAYS TRIGGER zz_lockkeeper_d8effc65_1;
COMMIT;

-- 1.backfill.check-trigger: look whether the sync trigger is in place
-- zz_lockkeeper_d8effc65_1 must be in place

-- 1.backfill.fill: fill label from up
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'orders-status/1', true);
UPDATE ONLY public.orders SET label = (status)
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (label IS NULL AND (status) IS NOT NULL);
COMMIT;

-- 1.backfill.index-orders_label_idx: build index orders_label_idx, as orders_status_idx
CREATE INDEX CONCURRENTLY orders_label_idx ON public.orders USING btree (label);

-- 1.backfill.check-orders_label_check: check new values: orders_label_check, as orders_status_check
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT orders_label_check CHECK (((label)::text <> ''::text)) NOT VALID;
COMMIT;

-- 1.backfill.validate-orders_label_check: prove orders_label_check for every row
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

-- 1.backfill.not-null: set label NOT NULL
BEGIN;
ALTER TABLE public.orders ALTER COLUMN label SET NOT NULL;
ALTER TABLE public.orders DROP CONSTRAINT lk_7e15c477_label_not_null;
COMMIT;

-- 1.backfill.properties: give label the grants and properties of status
BEGIN;
COMMENT ON COLUMN public.orders.label IS 'where the order stands';
COMMIT;

-- 1.backfill.analyze: gather statistics of label
BEGIN;
ANALYZE public.orders (label);
COMMIT;

-- 1.switch.check-trigger: look whether the sync trigger is in place
-- zz_lockkeeper_d8effc65_1 must be in place

-- 1.switch.compare: compare status and label in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE CASE WHEN NOT (ROW(label)::record *= ROW((status)::text)::record) THEN CASE WHEN lockkeeper."fits_orders-status_1"(label) THEN NOT (ROW(status)::record *= ROW((label)::character varying(20))::record) ELSE label IS NULL END END IS TRUE) AS different,
       count(*) FILTER (WHERE CASE WHEN NOT (ROW(label)::record *= ROW((status)::text)::record) AND label IS NOT NULL THEN NOT lockkeeper."fits_orders-status_1"(label) END IS TRUE) AS forgone
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.switch.gate: wait for the application to use label
-- gate 1.switch: The version of the application that uses label is deployed everywhere

-- 1.contract.check-trigger: look whether the sync trigger is in place
-- zz_lockkeeper_d8effc65_1 must be in place

-- 1.contract.gate: wait until nothing names status
-- gate 1.contract: No version of the application names public.orders.status any more

-- 1.contract.compare: compare status and label in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE CASE WHEN NOT (ROW(label)::record *= ROW((status)::text)::record) THEN CASE WHEN lockkeeper."fits_orders-status_1"(label) THEN NOT (ROW(status)::record *= ROW((label)::character varying(20))::record) ELSE label IS NULL END END IS TRUE) AS different,
       count(*) FILTER (WHERE CASE WHEN NOT (ROW(label)::record *= ROW((status)::text)::record) AND label IS NOT NULL THEN NOT lockkeeper."fits_orders-status_1"(label) END IS TRUE) AS forgone
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.contract.quarantine: quarantine status as lk_5eb66e79_status, still in step
BEGIN;
ALTER TABLE public.orders RENAME COLUMN status TO lk_5eb66e79_status;
ALTER TABLE public.orders ALTER COLUMN lk_5eb66e79_status DROP NOT NULL;
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
    IF ROW(lk_new."lk_5eb66e79_status")::record *<> ROW(lk_old."lk_5eb66e79_status")::record THEN
      IF NOT (ROW(lk_new."label")::record *<> ROW(lk_old."label")::record) THEN
        <<"orders">>
        DECLARE
          "status" character varying(20) := lk_new."lk_5eb66e79_status";
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
          lk_new."lk_5eb66e79_status" := "status";
        END IF;
      EXCEPTION WHEN data_exception OR integrity_constraint_violation OR raise_exception THEN
        NULL;  -- it stays as it last was
      END;
    ELSIF lk_new."label" IS NULL THEN
      <<"orders">>
      DECLARE
        "status" character varying(20) := lk_new."lk_5eb66e79_status";
      BEGIN
        lk_new."label" := (status);
      END;
    END IF;
  ELSE
    IF lk_new."label" IS NULL THEN
      <<"orders">>
      DECLARE
        "status" character varying(20) := lk_new."lk_5eb66e79_status";
      BEGIN
        lk_new."label" := (status);
      END;
    ELSIF lk_new."lk_5eb66e79_status" IS NULL
       OR ROW(lk_new."lk_5eb66e79_status")::record *= ROW(('new'::character varying)::character varying(20))::record THEN
      -- Written by the new version, unless the new side is the image of the old one.
      <<"orders">>
      DECLARE
        "status" character varying(20) := lk_new."lk_5eb66e79_status";
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
              lk_new."lk_5eb66e79_status" := "status";
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

-- 1.contract.wait: keep status as lk_5eb66e79_status for the quarantine
-- the quarantine

-- 1.contract.compare-again: compare lk_5eb66e79_status and label in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE (SELECT CASE WHEN NOT (ROW(label)::record *= ROW((status)::text)::record) THEN CASE WHEN lockkeeper."fits_orders-status_1"(label) THEN NOT (ROW(status)::record *= ROW((label)::character varying(20))::record) ELSE label IS NULL END END IS TRUE FROM (SELECT orders.*, orders.lk_5eb66e79_status AS status) AS orders)) AS different,
       count(*) FILTER (WHERE (SELECT CASE WHEN NOT (ROW(label)::record *= ROW((status)::text)::record) AND label IS NOT NULL THEN NOT lockkeeper."fits_orders-status_1"(label) END IS TRUE FROM (SELECT orders.*, orders.lk_5eb66e79_status AS status) AS orders)) AS forgone
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.contract.purge: drop lk_5eb66e79_status, what was status, for good
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_d8effc65_1 ON public.orders;
DROP FUNCTION IF EXISTS lockkeeper."sync_orders-status_1"();
DROP FUNCTION IF EXISTS lockkeeper."fits_orders-status_1"(text);
ALTER TABLE public.orders DROP COLUMN lk_5eb66e79_status;
ALTER TABLE public.orders ALTER COLUMN label SET DEFAULT 'new'::character varying;
COMMIT;
