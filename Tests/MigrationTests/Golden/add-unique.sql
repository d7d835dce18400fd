-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.migrate.duplicates: count the duplicates in public.orders
SELECT 'customer_id=' || coalesce(customer_id::text, 'NULL') || ', ' || 'status=' || coalesce(status::text, 'NULL') || ' (' || count(*)::text || ' rows)' AS finding,
       count(*) OVER () AS violators
  FROM ONLY public.orders
 WHERE customer_id IS NOT NULL AND status IS NOT NULL
 GROUP BY customer_id, status HAVING count(*) > 1
 ORDER BY 1 LIMIT 5;

-- 1.backfill.index: build the unique index orders_customer_id_status_key
CREATE UNIQUE INDEX CONCURRENTLY orders_customer_id_status_key ON public.orders USING btree (customer_id, status);

-- 1.backfill.unique: make the index the constraint orders_customer_id_status_key
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT orders_customer_id_status_key UNIQUE USING INDEX orders_customer_id_status_key;
COMMIT;
