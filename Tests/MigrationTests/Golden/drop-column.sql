-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.migrate.drop-not-null: let customer_id be NULL, for versions that do not write it
BEGIN;
ALTER TABLE public.orders ALTER COLUMN customer_id DROP NOT NULL;
COMMIT;

-- 1.migrate.gate: wait until nothing writes customer_id
-- gate 1.migrate: No version of the application writes public.orders.customer_id any more

-- 1.switch.gate: wait until nothing reads customer_id
-- gate 1.switch: No version of the application names public.orders.customer_id any more

-- 1.contract.quarantine: quarantine customer_id as lk_32f64271_customer_id
BEGIN;
ALTER TABLE public.orders RENAME COLUMN customer_id TO lk_32f64271_customer_id;
COMMIT;

-- 1.contract.wait: keep customer_id as lk_32f64271_customer_id for the quarantine
-- the quarantine

-- 1.contract.purge: drop lk_32f64271_customer_id, what was customer_id, for good
BEGIN;
ALTER TABLE public.orders DROP COLUMN lk_32f64271_customer_id;
COMMIT;
