-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.migrate.gate: wait until nothing writes rows that reference nothing
-- gate 1.migrate: No version of the application writes rows of public.orders that reference nothing in public.customers any more

-- 2.migrate.orphans: count the rows of public.orders that reference nothing in public.customers
SELECT 'id=' || coalesce(id::text, 'NULL') || ' (' || 'id=' || coalesce(id::text, 'NULL') || ')' AS finding,
       count(*) OVER () AS violators
  FROM ONLY public.orders AS lk_child
 WHERE lk_child.id IS NOT NULL AND NOT EXISTS (SELECT FROM ONLY public.customers AS lk_parent WHERE lk_parent.id = lk_child.id)
 ORDER BY 1 LIMIT 5;

-- 1.backfill.foreign-key: reference public.customers from new rows: orders_customer_id_total_fkey
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT orders_customer_id_total_fkey FOREIGN KEY (customer_id, total) REFERENCES public.customers (id, legacy_id) ON DELETE CASCADE NOT VALID;
COMMIT;

-- 1.backfill.null-orphans: set total to NULL where it references nothing in public.customers
UPDATE ONLY public.orders SET total = (NULL)
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (orders.customer_id IS NOT NULL AND orders.total IS NOT NULL AND NOT EXISTS (SELECT FROM ONLY public.customers AS lk_parent WHERE lk_parent.id = orders.customer_id AND lk_parent.legacy_id = orders.total));

-- 1.backfill.validate: prove orders_customer_id_total_fkey for every row
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_customer_id_total_fkey;
COMMIT;

-- 2.backfill.foreign-key: reference public.customers from new rows: "Order Customer"
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT "Order Customer" FOREIGN KEY (id) REFERENCES public.customers (id) NOT VALID;
COMMIT;

-- 2.backfill.validate: prove "Order Customer" for every row
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT "Order Customer";
COMMIT;
