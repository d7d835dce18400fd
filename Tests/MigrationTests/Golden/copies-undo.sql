-- codes, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.contract.quarantine.restore: give code its name back
BEGIN;
ALTER TABLE public.items RENAME COLUMN lk_7a49b65b_code TO code;
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
COMMIT;

-- 1.contract.quarantine.not-null-probe: look for rows without code
SELECT count(*) AS rows,
       count(*) FILTER (WHERE code IS NULL) AS v1
  FROM ONLY public.items WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.contract.quarantine.not-null-check: refuse NULL in new values of code
BEGIN;
ALTER TABLE public.items ADD CONSTRAINT lk_7a49b65b_code_not_null CHECK (code IS NOT NULL) NOT VALID;
COMMIT;

-- 1.contract.quarantine.not-null-validate: prove that no code is NULL
BEGIN;
ALTER TABLE public.items VALIDATE CONSTRAINT lk_7a49b65b_code_not_null;
COMMIT;

-- 1.contract.quarantine.not-null: set code NOT NULL
BEGIN;
ALTER TABLE public.items ALTER COLUMN code SET NOT NULL;
ALTER TABLE public.items DROP CONSTRAINT lk_7a49b65b_code_not_null;
COMMIT;

-- 1.backfill.statistics-items_code_v2_stats.drop: drop statistics public.items_code_v2_stats
BEGIN;
DROP STATISTICS public.items_code_v2_stats;
COMMIT;

-- 1.backfill.not-null.drop: let code_v2 be NULL again
BEGIN;
ALTER TABLE public.items ALTER COLUMN code_v2 DROP NOT NULL;
COMMIT;

-- 1.backfill.not-null-check.drop: drop the check lk_5f48cc34_code_v2_not_null
BEGIN;
ALTER TABLE public.items DROP CONSTRAINT IF EXISTS lk_5f48cc34_code_v2_not_null;
COMMIT;

-- 1.backfill.foreign-key-items_code_v2_fkey.drop: drop the constraint items_code_v2_fkey
BEGIN;
ALTER TABLE public.items DROP CONSTRAINT items_code_v2_fkey;
COMMIT;

-- 1.backfill.check-items_code_check.drop: drop the constraint items_code_check
BEGIN;
ALTER TABLE public.items DROP CONSTRAINT items_code_check;
COMMIT;

-- 1.backfill.index-some-idx_code_v2.drop: drop index "some idx_code_v2"
DROP INDEX CONCURRENTLY IF EXISTS public."some idx_code_v2";

-- 1.backfill.unique-items_code_v2_part_key.drop: drop the constraint items_code_v2_part_key and its index
BEGIN;
ALTER TABLE public.items DROP CONSTRAINT items_code_v2_part_key;
COMMIT;

-- 1.backfill.index-items_code_v2_part_key.drop: drop index items_code_v2_part_key
DROP INDEX CONCURRENTLY IF EXISTS public.items_code_v2_part_key;

-- 1.migrate.sync.gate: wait until nothing names code_v2
-- gate 1.undo: No version of the application names public.items.code_v2 any more

-- 1.migrate.sync.compare: compare what was written to code_v2 with code
SELECT count(*) AS rows, count(*) FILTER (WHERE code_v2 IS NOT NULL
   AND NOT (ROW(code_v2)::record *= ROW((code)::bigint)::record)
   AND NOT (ROW(code)::record *= ROW((code_v2)::integer)::record)) AS different
  FROM ONLY public.items WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.migrate.sync.drop: drop the sync trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_cfcdd885_1 ON public.items;
DROP FUNCTION IF EXISTS lockkeeper.sync_codes_1();
COMMIT;

-- 1.expand.add-column.gate: wait until nothing names code_v2
-- gate 1.undo: No version of the application names public.items.code_v2 any more

-- 1.expand.add-column.drop: drop column code_v2
BEGIN;
ALTER TABLE public.items DROP COLUMN code_v2;
COMMIT;
