-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.migrate.violators: count the rows of public.orders that total_positive refuses
SELECT count(*) AS rows,
       pg_catalog.count(((total > 0))::text),
       count(*) FILTER (WHERE NOT (total > 0)) AS v1
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.backfill.check: check new rows: total_positive
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT total_positive CHECK (total > 0) NOT VALID;
COMMIT;

-- 1.backfill.validate: prove total_positive for every row
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT total_positive;
COMMIT;
