-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.add-column: add column channel text to public.orders
BEGIN;
ALTER TABLE public.orders ADD COLUMN channel text DEFAULT 'web' NOT NULL;
COMMENT ON COLUMN public.orders.channel IS 'where it came from';
COMMIT;

-- 1.expand.check: check new values: orders_channel_check
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT orders_channel_check CHECK (channel <> '') NOT VALID;
COMMIT;

-- 1.expand.check-validate: prove orders_channel_check for every row
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_channel_check;
COMMIT;
