-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 5.contract.drop.add: have total_unproven for new rows again
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT total_unproven CHECK ((total < 9)) NOT VALID;
COMMIT;

-- 4.contract.drop.duplicates: look for duplicates
SELECT 'id=' || coalesce(id::text, 'NULL') || ' (' || count(*)::text || ' rows)' AS finding,
       count(*) OVER () AS violators
  FROM ONLY public.orders
 WHERE id IS NOT NULL
 GROUP BY id HAVING count(*) > 1
 ORDER BY 1 LIMIT 5;

-- 4.contract.drop.index: build the unique index orders_pkey
CREATE UNIQUE INDEX CONCURRENTLY orders_pkey ON public.orders USING btree (id);

-- 4.contract.drop.add: make the index the constraint orders_pkey
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX orders_pkey;
COMMIT;

-- 3.contract.drop.duplicates: look for duplicates
SELECT 'total=' || coalesce(total::text, 'NULL') || ', ' || 'placed_at=' || coalesce(placed_at::text, 'NULL') || ' (' || count(*)::text || ' rows)' AS finding,
       count(*) OVER () AS violators
  FROM ONLY public.orders
 WHERE total IS NOT NULL AND placed_at IS NOT NULL
 GROUP BY total, placed_at HAVING count(*) > 1
 ORDER BY 1 LIMIT 5;

-- 3.contract.drop.index: build the unique index orders_total_key
CREATE UNIQUE INDEX CONCURRENTLY orders_total_key ON public.orders USING btree (total, placed_at);

-- 3.contract.drop.add: make the index the constraint orders_total_key
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT orders_total_key UNIQUE USING INDEX orders_total_key DEFERRABLE INITIALLY DEFERRED;
COMMIT;

-- 2.contract.drop.violators: look for rows that break orders_customer
SELECT 'id=' || coalesce(id::text, 'NULL') || ' (' || 'customer_id=' || coalesce(customer_id::text, 'NULL') || ')' AS finding,
       count(*) OVER () AS violators
  FROM ONLY public.orders AS lk_child
 WHERE lk_child.customer_id IS NOT NULL AND NOT EXISTS (SELECT FROM ONLY public.customers AS lk_parent WHERE lk_parent.id = lk_child.customer_id)
 ORDER BY 1 LIMIT 5;

-- 2.contract.drop.add: have orders_customer for new rows again
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers(id) ON DELETE CASCADE NOT VALID;
COMMENT ON CONSTRAINT orders_customer ON public.orders IS 'who ordered';
COMMIT;

-- 2.contract.drop.validate: prove orders_customer for every row
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_customer;
COMMIT;

-- 1.contract.drop.violators: look for rows that break orders_status_check
SELECT 'id=' || coalesce(id::text, 'NULL') AS finding, count(*) OVER () AS violators
  FROM ONLY public.orders WHERE NOT (((status)::text <> ''::text))
 ORDER BY 1 LIMIT 5;

-- 1.contract.drop.add: have orders_status_check for new rows again
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT orders_status_check CHECK (((status)::text <> ''::text)) NOT VALID;
COMMIT;

-- 1.contract.drop.validate: prove orders_status_check for every row
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_status_check;
COMMIT;
