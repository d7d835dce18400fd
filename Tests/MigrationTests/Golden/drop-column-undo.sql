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
COMMIT;

-- 1.migrate.drop-not-null.gate: wait for the application to write customer_id again
-- gate 1.undo: Every version of the application that runs writes public.orders.customer_id again

-- 1.migrate.drop-not-null.not-null-probe: look for rows without customer_id
SELECT count(*) AS rows,
       count(*) FILTER (WHERE customer_id IS NULL) AS v1
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.migrate.drop-not-null.not-null-check: refuse NULL in new values of customer_id
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_32f64271_customer_id_not_null CHECK (customer_id IS NOT NULL) NOT VALID;
COMMIT;

-- 1.migrate.drop-not-null.not-null-validate: prove that no customer_id is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_32f64271_customer_id_not_null;
COMMIT;

-- 1.migrate.drop-not-null.not-null: set customer_id NOT NULL
BEGIN;
ALTER TABLE public.orders ALTER COLUMN customer_id SET NOT NULL;
ALTER TABLE public.orders DROP CONSTRAINT lk_32f64271_customer_id_not_null;
COMMIT;
