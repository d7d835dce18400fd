-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.contract.drop: drop the constraint orders_status_check
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_status_check;
COMMIT;

-- 2.contract.drop: drop the constraint orders_customer
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_customer;
COMMIT;

-- 3.contract.gate: wait until nothing relies on orders_total_key
-- gate 3.contract: No version of the application relies on orders_total_key of public.orders: no ON CONFLICT, no query that needs its index

-- 3.contract.drop: drop the constraint orders_total_key
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_total_key;
COMMIT;

-- 4.contract.gate: wait until nothing relies on orders_pkey
-- gate 4.contract: No version of the application relies on orders_pkey of public.orders: no ON CONFLICT, no query that needs its index

-- 4.contract.drop: drop the constraint orders_pkey
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_pkey;
COMMIT;

-- 5.contract.drop: drop the constraint total_unproven
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT total_unproven;
COMMIT;
