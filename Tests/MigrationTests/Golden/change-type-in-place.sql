-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.change-type: change the type of status to character varying(50), in place
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_status_check;
ALTER TABLE public.orders ALTER COLUMN status TYPE character varying(50);
ALTER TABLE public.orders ADD CONSTRAINT orders_status_check CHECK (((status)::text <> ''::text)) NOT VALID;
COMMIT;

-- 1.expand.validate-orders_status_check: prove orders_status_check for every row again
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_status_check;
COMMIT;

-- 1.expand.analyze: gather statistics of status, which lost them with its type
BEGIN;
ANALYZE public.orders (status);
COMMIT;
