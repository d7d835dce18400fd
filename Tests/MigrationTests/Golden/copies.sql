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
       pg_catalog.count(((code)::bigint)::text),
       count(*) FILTER (WHERE (code) IS NULL) AS v1,
       count(*) FILTER (WHERE NOT coalesce((SELECT (code_v2 < 1000) FROM (SELECT items.*, (code)::bigint AS code_v2) AS items), true)) AS v2
  FROM ONLY public.items WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.expand.add-column: add column code_v2 bigint to public.items
BEGIN;
ALTER TABLE public.items ADD COLUMN code_v2 bigint;
COMMIT;

-- 1.migrate.sync: keep code and code_v2 in step by a trigger
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
      IF NOT (ROW(lk_new."code_v2")::record *<> ROW(lk_old."code_v2")::record) THEN
        <<"items">>
        DECLARE
          "code" integer := lk_new."code";
        BEGIN
          lk_new."code_v2" := (code);
        END;
      END IF;
    ELSIF ROW(lk_new."code_v2")::record *<> ROW(lk_old."code_v2")::record THEN
      <<"items">>
      DECLARE
        "code_v2" bigint := lk_new."code_v2";
      BEGIN
        lk_new."code" := (code_v2);
      END;
    ELSIF lk_new."code_v2" IS NULL THEN
      <<"items">>
      DECLARE
        "code" integer := lk_new."code";
      BEGIN
        lk_new."code_v2" := (code);
      END;
    END IF;
  ELSE
    IF lk_new."code_v2" IS NULL THEN
      <<"items">>
      DECLARE
        "code" integer := lk_new."code";
      BEGIN
        lk_new."code_v2" := (code);
      END;
    ELSIF lk_new."code" IS NULL
       OR ROW(lk_new."code")::record *= ROW((1)::integer)::record THEN
      -- Written by the new version, unless one side is already the image of the other.
      <<"items">>
      DECLARE
        "code" integer := lk_new."code";
        "code_v2" bigint := lk_new."code_v2";
      BEGIN
        IF ROW("code_v2")::record *<> ROW((code)::bigint)::record
           AND ROW("code")::record *<> ROW((code_v2)::integer)::record
        THEN
          lk_new."code" := (code_v2);
        END IF;
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

-- 1.backfill.fill: fill code_v2 from up
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'codes/1', true);
UPDATE ONLY public.items SET code_v2 = (code)
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (code_v2 IS NULL AND (code) IS NOT NULL);
COMMIT;

-- 1.backfill.index-items_code_v2_part_key: build index items_code_v2_part_key, as items_code_part_key
CREATE UNIQUE INDEX CONCURRENTLY items_code_v2_part_key ON public.items USING btree (code_v2, part);

-- 1.backfill.unique-items_code_v2_part_key: make items_code_v2_part_key a constraint, as items_code_part_key
BEGIN;
ALTER TABLE public.items ADD CONSTRAINT items_code_v2_part_key UNIQUE USING INDEX items_code_v2_part_key DEFERRABLE INITIALLY DEFERRED;
COMMIT;

-- 1.backfill.index-some-idx_code_v2: build index "some idx_code_v2", as "some idx"
CREATE INDEX CONCURRENTLY "some idx_code_v2" ON public.items USING btree (part) INCLUDE (code_v2) WHERE (code_v2 > 0);

-- 1.backfill.check-items_code_check: check new values: items_code_check
BEGIN;
ALTER TABLE public.items ADD CONSTRAINT items_code_check CHECK (code_v2 < 1000) NOT VALID;
COMMIT;

-- 1.backfill.validate-items_code_check: prove items_code_check for every row
BEGIN;
ALTER TABLE public.items VALIDATE CONSTRAINT items_code_check;
COMMIT;

-- 1.backfill.foreign-key-items_code_v2_fkey: reference for new values: items_code_v2_fkey, as items_code_fkey
BEGIN;
ALTER TABLE public.items ADD CONSTRAINT items_code_v2_fkey FOREIGN KEY (code_v2) REFERENCES codes(id) ON DELETE CASCADE NOT VALID;
COMMIT;

-- 1.backfill.validate-items_code_v2_fkey: prove items_code_v2_fkey for every row
BEGIN;
ALTER TABLE public.items VALIDATE CONSTRAINT items_code_v2_fkey;
COMMIT;

-- 1.backfill.not-null-check: refuse NULL in new values of code_v2
BEGIN;
ALTER TABLE public.items ADD CONSTRAINT lk_5f48cc34_code_v2_not_null CHECK (code_v2 IS NOT NULL) NOT VALID;
COMMIT;

-- 1.backfill.not-null-validate: prove that no code_v2 is NULL
BEGIN;
ALTER TABLE public.items VALIDATE CONSTRAINT lk_5f48cc34_code_v2_not_null;
COMMIT;

-- 1.backfill.not-null: set code_v2 NOT NULL
BEGIN;
ALTER TABLE public.items ALTER COLUMN code_v2 SET NOT NULL;
ALTER TABLE public.items DROP CONSTRAINT lk_5f48cc34_code_v2_not_null;
COMMIT;

-- 1.backfill.statistics-items_code_v2_stats: create statistics public.items_code_v2_stats, as public.items_code_stats
BEGIN;
CREATE STATISTICS public.items_code_v2_stats (ndistinct) ON code_v2, part FROM public.items;
COMMIT;

-- 1.backfill.properties: give code_v2 the grants and properties of code
BEGIN;
GRANT SELECT (code_v2) ON public.items TO clerk WITH GRANT OPTION;
GRANT UPDATE (code_v2) ON public.items TO PUBLIC;
COMMENT ON COLUMN public.items.code_v2 IS E'it''s \\ a code';
ALTER TABLE public.items ALTER COLUMN code_v2 SET STATISTICS 500;
COMMIT;

-- 1.backfill.analyze: gather statistics of code_v2
BEGIN;
ANALYZE public.items (code_v2);
COMMIT;

-- 1.switch.check-trigger: look whether the sync trigger is in place
-- zz_lockkeeper_cfcdd885_1 must be in place

-- 1.switch.compare: compare code and code_v2 in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT (ROW(code_v2)::record *= ROW((code)::bigint)::record)
   AND NOT (ROW(code)::record *= ROW((code_v2)::integer)::record)) AS different
  FROM ONLY public.items WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.switch.gate: wait for the application to use code_v2
-- gate 1.switch: The version of the application that uses code_v2 is deployed everywhere

-- 1.contract.check-trigger: look whether the sync trigger is in place
-- zz_lockkeeper_cfcdd885_1 must be in place

-- 1.contract.gate: wait until nothing names code
-- gate 1.contract: No version of the application names public.items.code any more

-- 1.contract.compare: compare code and code_v2 in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT (ROW(code_v2)::record *= ROW((code)::bigint)::record)
   AND NOT (ROW(code)::record *= ROW((code_v2)::integer)::record)) AS different
  FROM ONLY public.items WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.contract.quarantine: quarantine code as lk_7a49b65b_code, still in step
BEGIN;
ALTER TABLE public.items RENAME COLUMN code TO lk_7a49b65b_code;
ALTER TABLE public.items ALTER COLUMN lk_7a49b65b_code DROP NOT NULL;
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
      IF NOT (ROW(lk_new."code_v2")::record *<> ROW(lk_old."code_v2")::record) THEN
        <<"items">>
        DECLARE
          "code" integer := lk_new."lk_7a49b65b_code";
        BEGIN
          lk_new."code_v2" := (code);
        END;
      END IF;
    ELSIF ROW(lk_new."code_v2")::record *<> ROW(lk_old."code_v2")::record THEN
      <<"items">>
      DECLARE
        "code_v2" bigint := lk_new."code_v2";
      BEGIN
        lk_new."lk_7a49b65b_code" := (code_v2);
      END;
    ELSIF lk_new."code_v2" IS NULL THEN
      <<"items">>
      DECLARE
        "code" integer := lk_new."lk_7a49b65b_code";
      BEGIN
        lk_new."code_v2" := (code);
      END;
    END IF;
  ELSE
    IF lk_new."code_v2" IS NULL THEN
      <<"items">>
      DECLARE
        "code" integer := lk_new."lk_7a49b65b_code";
      BEGIN
        lk_new."code_v2" := (code);
      END;
    ELSIF lk_new."lk_7a49b65b_code" IS NULL
       OR ROW(lk_new."lk_7a49b65b_code")::record *= ROW((1)::integer)::record THEN
      -- Written by the new version, unless one side is already the image of the other.
      <<"items">>
      DECLARE
        "code" integer := lk_new."lk_7a49b65b_code";
        "code_v2" bigint := lk_new."code_v2";
      BEGIN
        IF ROW("code_v2")::record *<> ROW((code)::bigint)::record
           AND ROW("code")::record *<> ROW((code_v2)::integer)::record
        THEN
          lk_new."lk_7a49b65b_code" := (code_v2);
        END IF;
      END;
    END IF;
  END IF;
  RETURN lk_new;
END
$lk$;
COMMIT;

-- 1.contract.wait: keep code as lk_7a49b65b_code for the quarantine
-- the quarantine

-- 1.contract.compare-again: compare lk_7a49b65b_code and code_v2 in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE (SELECT NOT (ROW(code_v2)::record *= ROW((code)::bigint)::record) FROM (SELECT items.*, items.lk_7a49b65b_code AS code) AS items)
   AND (SELECT NOT (ROW(code)::record *= ROW((code_v2)::integer)::record) FROM (SELECT items.*, items.lk_7a49b65b_code AS code) AS items)) AS different
  FROM ONLY public.items WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.contract.purge: drop lk_7a49b65b_code, what was code, for good
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_cfcdd885_1 ON public.items;
DROP FUNCTION IF EXISTS lockkeeper.sync_codes_1();
ALTER TABLE public.items DROP COLUMN lk_7a49b65b_code;
ALTER TABLE public.items ALTER COLUMN code_v2 SET DEFAULT 1;
COMMIT;

-- 1.contract.final-name-gate: wait until nothing names code_v2
-- gate 1.final_name: No version of the application names public.items.code_v2 any more; code is its name from here on

-- 1.contract.final-name: rename code_v2 to code
BEGIN;
ALTER TABLE public.items RENAME COLUMN code_v2 TO code;
ALTER TABLE public.items RENAME CONSTRAINT items_code_v2_part_key TO items_code_part_key;
ALTER INDEX public."some idx_code_v2" RENAME TO "some idx";
ALTER TABLE public.items RENAME CONSTRAINT items_code_v2_fkey TO items_code_fkey;
ALTER STATISTICS public.items_code_v2_stats RENAME TO items_code_stats;
COMMIT;
