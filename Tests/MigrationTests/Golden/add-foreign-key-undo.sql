-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 2.backfill.foreign-key.drop: drop the foreign key "Order Customer"
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT "Order Customer";
COMMIT;

-- 1.backfill.foreign-key.drop: drop the foreign key orders_customer_id_total_fkey
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_customer_id_total_fkey;
COMMIT;
