-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.check.drop: drop the constraint orders_channel_check
BEGIN;
ALTER TABLE public.orders DROP CONSTRAINT orders_channel_check;
COMMIT;

-- 1.expand.add-column.gate: wait until nothing names channel
-- gate 1.undo: No version of the application names public.orders.channel any more

-- 1.expand.add-column.aside: put channel aside as lk_7a52408e_channel
BEGIN;
ALTER TABLE public.orders ALTER COLUMN channel DROP NOT NULL;
ALTER TABLE public.orders ALTER COLUMN channel DROP DEFAULT;
ALTER TABLE public.orders RENAME COLUMN channel TO lk_7a52408e_channel;
COMMIT;
