-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.backfill.unique.drop: drop the constraint orders_customer_id_status_key and its index
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_customer_id_status_key;
COMMIT;

-- 1.backfill.index.drop: drop the index orders_customer_id_status_key
DROP INDEX CONCURRENTLY IF EXISTS public.orders_customer_id_status_key;
