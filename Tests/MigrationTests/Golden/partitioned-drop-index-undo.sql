-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.contract.drop.build: build index orders_status_idx on every partition again
CREATE INDEX orders_status_idx ON ONLY public.orders USING btree (status);
CREATE INDEX orders_2026_status_idx ON ONLY public.orders_2026 USING btree (status);
CREATE INDEX CONCURRENTLY "Rest of orders_status_idx" ON public."Rest of orders" USING btree (status);
CREATE INDEX CONCURRENTLY orders_2025_status_idx ON archive.orders_2025 USING btree (status);
CREATE INDEX CONCURRENTLY orders_2026_0_status_idx ON public.orders_2026_0 USING btree (status);
CREATE INDEX CONCURRENTLY orders_2026_1_status_idx ON public.orders_2026_1 USING btree (status);
ALTER INDEX public.orders_status_idx ATTACH PARTITION public."Rest of orders_status_idx";
ALTER INDEX public.orders_status_idx ATTACH PARTITION archive.orders_2025_status_idx;
ALTER INDEX public.orders_2026_status_idx ATTACH PARTITION public.orders_2026_0_status_idx;
ALTER INDEX public.orders_2026_status_idx ATTACH PARTITION public.orders_2026_1_status_idx;
ALTER INDEX public.orders_status_idx ATTACH PARTITION public.orders_2026_status_idx;

-- 1.contract.drop.properties: give orders_status_idx its comment and statistics targets back
BEGIN;
COMMENT ON INDEX archive.orders_2025_status_idx IS 'cold';
COMMIT;
