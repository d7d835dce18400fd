-- codes, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.probe: try up on every row of public.items
SELECT count(*) AS rows,
       pg_catalog.count((('c' || code)::text)::text)
  FROM ONLY public.items WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.expand.add-column: add column label text to public.items
BEGIN;
ALTER TABLE public.items ADD COLUMN label text;
COMMIT;

-- 1.migrate.sync: keep label in step with code by a trigger
BEGIN;
CREATE FUNCTION lockkeeper.sync_codes_1() RETURNS trigger LANGUAGE plpgsql
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
    IF ROW(lk_new."code")::record *<> ROW(lk_old."code")::record THEN
      IF NOT (ROW(lk_new."label")::record *<> ROW(lk_old."label")::record) THEN
        <<"items">>
        DECLARE
          "code" integer := lk_new."code";
        BEGIN
          lk_new."label" := ('c' || code);
        END;
      END IF;
    ELSIF ROW(lk_new."label")::record *<> ROW(lk_old."label")::record THEN
      NULL;  -- no down: the old side stays as it is
    ELSIF lk_new."label" IS NULL THEN
      <<"items">>
      DECLARE
        "code" integer := lk_new."code";
      BEGIN
        lk_new."label" := ('c' || code);
      END;
    END IF;
  ELSE
    IF lk_new."label" IS NULL THEN
      <<"items">>
      DECLARE
        "code" integer := lk_new."code";
      BEGIN
        lk_new."label" := ('c' || code);
      END;
    END IF;
  END IF;
  RETURN lk_new;
END
$lk$;
CREATE TRIGGER zz_lockkeeper_cfcdd885_1 BEFORE INSERT OR UPDATE ON public.items FOR EACH ROW
 WHEN (pg_catalog.current_setting('lockkeeper.fill', true) IS DISTINCT FROM 'codes/1'
       OR pg_catalog.pg_trigger_depth() > 0)
 EXECUTE FUNCTION lockkeeper.sync_codes_1();
ALTER TABLE public.items ENABLE ALWAYS TRIGGER zz_lockkeeper_cfcdd885_1;
COMMIT;

-- 1.backfill.check-trigger: look whether the sync trigger is in place
-- zz_lockkeeper_cfcdd885_1 must be in place

-- 1.backfill.fill: fill label from up
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'codes/1', true);
UPDATE ONLY public.items SET label = ('c' || code)
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (label IS NULL AND ('c' || code) IS NOT NULL);
COMMIT;

-- 1.backfill.index-items_label_part_key: build index items_label_part_key, as items_code_part_key
CREATE UNIQUE INDEX CONCURRENTLY items_label_part_key ON public.items USING btree (label, part);

-- 1.backfill.unique-items_label_part_key: make items_label_part_key a constraint, as items_code_part_key
BEGIN;
ALTER TABLE public.items ADD CONSTRAINT items_label_part_key UNIQUE USING INDEX items_label_part_key DEFERRABLE INITIALLY DEFERRED;
COMMIT;

-- 1.backfill.statistics-items_label_stats: create statistics public.items_label_stats, as public.items_code_stats
BEGIN;
CREATE STATISTICS public.items_label_stats (ndistinct) ON label, part FROM public.items;
COMMIT;

-- 1.backfill.properties: give label the grants and properties of code
BEGIN;
GRANT SELECT (label) ON public.items TO clerk WITH GRANT OPTION;
GRANT UPDATE (label) ON public.items TO PUBLIC;
COMMENT ON COLUMN public.items.label IS E'it''s \\ a code';
ALTER TABLE public.items ALTER COLUMN label SET STATISTICS 500;
COMMIT;

-- 1.backfill.analyze: gather statistics of label
BEGIN;
ANALYZE public.items (label);
COMMIT;

-- 1.switch.check-trigger: look whether the sync trigger is in place
-- zz_lockkeeper_cfcdd885_1 must be in place

-- 1.switch.compare: compare code and label in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT (ROW(label)::record *= ROW(('c' || code)::text)::record)) AS different
  FROM ONLY public.items WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.switch.drop-old-not-null: let code be NULL, for rows that the new version inserts
BEGIN;
ALTER TABLE public.items ALTER COLUMN code DROP NOT NULL;
COMMIT;

-- 1.switch.gate: wait for the application to use label
-- gate 1.switch: The version of the application that uses label is deployed everywhere

-- 1.contract.check-trigger: look whether the sync trigger is in place
-- zz_lockkeeper_cfcdd885_1 must be in place

-- 1.contract.gate: wait until nothing names code
-- gate 1.contract: No version of the application names public.items.code any more

-- 1.contract.quarantine: quarantine code as lk_7a49b65b_code, still in step
BEGIN;
ALTER TABLE public.items RENAME COLUMN code TO lk_7a49b65b_code;
CREATE OR REPLACE FUNCTION lockkeeper.sync_codes_1() RETURNS trigger LANGUAGE plpgsql
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
    IF ROW(lk_new."lk_7a49b65b_code")::record *<> ROW(lk_old."lk_7a49b65b_code")::record THEN
      IF NOT (ROW(lk_new."label")::record *<> ROW(lk_old."label")::record) THEN
        <<"items">>
        DECLARE
          "code" integer := lk_new."lk_7a49b65b_code";
        BEGIN
          lk_new."label" := ('c' || code);
        END;
      END IF;
    ELSIF ROW(lk_new."label")::record *<> ROW(lk_old."label")::record THEN
      NULL;  -- no down: the old side stays as it is
    ELSIF lk_new."label" IS NULL THEN
      <<"items">>
      DECLARE
        "code" integer := lk_new."lk_7a49b65b_code";
      BEGIN
        lk_new."label" := ('c' || code);
      END;
    END IF;
  ELSE
    IF lk_new."label" IS NULL THEN
      <<"items">>
      DECLARE
        "code" integer := lk_new."lk_7a49b65b_code";
      BEGIN
        lk_new."label" := ('c' || code);
      END;
    END IF;
  END IF;
  RETURN lk_new;
END
$lk$;
COMMIT;

-- 1.contract.wait: keep code as lk_7a49b65b_code for the quarantine
-- the quarantine

-- 1.contract.purge: drop lk_7a49b65b_code, what was code, for good
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_cfcdd885_1 ON public.items;
DROP FUNCTION IF EXISTS lockkeeper.sync_codes_1();
ALTER TABLE public.items DROP COLUMN lk_7a49b65b_code;
ALTER TABLE public.items ALTER COLUMN label SET DEFAULT 'c1'::text;
COMMIT;
