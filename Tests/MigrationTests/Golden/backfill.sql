-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.backfill.fill: fill total, placed_at of public.orders
UPDATE ONLY public.orders SET total = (customer_id * 2), placed_at = (now())
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND ((total IS NULL AND (status = 'new' OR id > 5)) AND (customer_id * 2) IS NOT NULL);
