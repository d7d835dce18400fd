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
COMMIT;

-- 1.switch.drop-old-not-null.gate: wait until nothing names label
-- gate 1.undo: No version of the application names public.items.label any more

-- 1.switch.drop-old-not-null.not-null-probe: look for rows without code
SELECT count(*) AS rows,
       count(*) FILTER (WHERE code IS NULL) AS v1
  FROM ONLY public.items WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.switch.drop-old-not-null.not-null-check: refuse NULL in new values of code
BEGIN;
ALTER TABLE public.items ADD CONSTRAINT lk_7a49b65b_code_not_null CHECK (code IS NOT NULL) NOT VALID;
COMMIT;

-- 1.switch.drop-old-not-null.not-null-validate: prove that no code is NULL
BEGIN;
ALTER TABLE public.items VALIDATE CONSTRAINT lk_7a49b65b_code_not_null;
COMMIT;

-- 1.switch.drop-old-not-null.not-null: set code NOT NULL
BEGIN;
ALTER TABLE public.items ALTER COLUMN code SET NOT NULL;
ALTER TABLE public.items DROP CONSTRAINT lk_7a49b65b_code_not_null;
COMMIT;

-- 1.backfill.statistics-items_label_stats.drop: drop statistics public.items_label_stats
BEGIN;
DROP STATISTICS public.items_label_stats;
COMMIT;

-- 1.backfill.unique-items_label_part_key.drop: drop the constraint items_label_part_key and its index
BEGIN;
ALTER TABLE public.items DROP CONSTRAINT items_label_part_key;
COMMIT;

-- 1.backfill.index-items_label_part_key.drop: drop index items_label_part_key
DROP INDEX CONCURRENTLY IF EXISTS public.items_label_part_key;

-- 1.migrate.sync.gate: wait until nothing names label
-- gate 1.undo: No version of the application names public.items.label any more

-- 1.migrate.sync.drop: drop the sync trigger
BEGIN;
DROP TRIGGER IF EXISTS zz_lockkeeper_cfcdd885_1 ON public.items;
DROP FUNCTION IF EXISTS lockkeeper.sync_codes_1();
COMMIT;

-- 1.expand.add-column.gate: wait until nothing names label
-- gate 1.undo: No version of the application names public.items.label any more

-- 1.expand.add-column.drop: drop column label
BEGIN;
ALTER TABLE public.items DROP COLUMN label;
COMMIT;
