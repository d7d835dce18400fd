-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.contract.gate: wait until nothing needs index orders_lower_idx
-- gate 1.contract: Nothing needs index public.orders_lower_idx any more

-- 1.contract.drop: drop index orders_lower_idx
DROP INDEX CONCURRENTLY IF EXISTS public.orders_lower_idx;

-- 1.contract.wait: keep the definition of orders_lower_idx for the quarantine
-- the quarantine

-- 1.contract.purge: let go of the definition of orders_lower_idx
BEGIN;
COMMIT;
