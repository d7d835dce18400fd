-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.index: build index orders_customer_id_expr_total_idx on public.orders
CREATE INDEX CONCURRENTLY orders_customer_id_expr_total_idx ON public.orders USING btree (customer_id, (lower(status)) text_pattern_ops DESC NULLS LAST) INCLUDE (total) WITH (fillfactor = '80') WHERE (total > 0);

-- 2.expand.index: build index "Orders Key" on public.orders
CREATE UNIQUE INDEX CONCURRENTLY "Orders Key" ON public.orders USING btree (id, status);
