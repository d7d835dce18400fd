-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.contract.drop.build: build index orders_lower_idx again
CREATE UNIQUE INDEX CONCURRENTLY orders_lower_idx ON public.orders USING btree (lower((status)::text), total) WITH (fillfactor='70') TABLESPACE fast WHERE (total > 0);

-- 1.contract.drop.properties: give orders_lower_idx its comment and statistics targets back
BEGIN;
ALTER INDEX public.orders_lower_idx ALTER COLUMN 1 SET STATISTICS 500;
COMMENT ON INDEX public.orders_lower_idx IS 'for the list';
COMMIT;

-- 1.contract.drop.analyze: gather the statistics of what orders_lower_idx indexes
BEGIN;
ANALYZE public.orders;
COMMIT;
