-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.contract.gate: wait until nothing names public.orders
-- gate 1.contract: No version of the application names public.orders any more

-- 1.contract.quarantine: quarantine public.orders as lk_322de72a_orders
BEGIN;
ALTER TABLE public.orders RENAME TO lk_322de72a_orders;
REVOKE ALL ON public.lk_322de72a_orders FROM PUBLIC, app, clerk;
COMMIT;

-- 1.contract.wait: keep public.orders as lk_322de72a_orders for the quarantine
-- the quarantine

-- 1.contract.purge: drop lk_322de72a_orders, what was public.orders, for good
BEGIN;
DROP TABLE public.lk_322de72a_orders;
COMMIT;
