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
COMMIT;

-- 1.switch.drop-old-not-null.gate: wait until nothing names status_v2
-- gate 1.undo: No version of the application names public.orders.status_v2 any more

-- 1.switch.drop-old-not-null.not-null-probe: look for rows without status
SELECT count(*) AS rows,
       count(*) FILTER (WHERE status IS NULL) AS v1
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.switch.drop-old-not-null.not-null-check: refuse NULL in new values of status
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_5eb66e79_status_not_null CHECK (status IS NOT NULL) NOT VALID;
COMMIT;

-- 1.switch.drop-old-not-null.not-null-validate: prove that no status is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_5eb66e79_status_not_null;
COMMIT;

-- 1.switch.drop-old-not-null.not-null: set status NOT NULL
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

-- 1.backfill.index-orders_status_v2_idx.drop: drop index orders_status_v2_idx
DROP INDEX CONCURRENTLY IF EXISTS public.orders_status_v2_idx;

-- 1.expand.add-column.gate: wait until nothing names status_v2
-- gate 1.undo: No version of the application names public.orders.status_v2 any more

-- 1.expand.add-column.drop: drop column status_v2
BEGIN;
ALTER TABLE public.orders DROP COLUMN status_v2;
COMMIT;
