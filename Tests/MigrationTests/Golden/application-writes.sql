-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.probe: try up on every row of public.orders
SELECT count(*) AS rows,
       pg_catalog.count(((status)::character varying(50))::text),
       count(*) FILTER (WHERE (status) IS NULL) AS v1,
       count(*) FILTER (WHERE pg_catalog.length(pg_catalog.rtrim((status)::text, ' ')) > 50) AS v2,
       count(*) FILTER (WHERE NOT coalesce((SELECT (((status_v2)::text <> ''::text)) FROM (SELECT orders.*, (status)::character varying(50) AS status_v2) AS orders), true)) AS v3
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.expand.add-column: add column status_v2 character varying(50) to public.orders
BEGIN;
ALTER TABLE public.orders ADD COLUMN status_v2 character varying(50);
COMMIT;

-- 1.migrate.gate: wait for the application to write both status and status_v2
-- gate 1.migrate: Every version of the application that writes public.orders.status writes status_v2 too

-- 1.backfill.fill: fill status_v2 from up
UPDATE ONLY public.orders SET status_v2 = (status)
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (status_v2 IS NULL AND (status) IS NOT NULL);

-- 1.backfill.index-orders_status_v2_idx: build index orders_status_v2_idx, as orders_status_idx
CREATE INDEX CONCURRENTLY orders_status_v2_idx ON public.orders USING btree (status_v2);

-- 1.backfill.check-orders_status_v2_check: check new values: orders_status_v2_check, as orders_status_check
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT orders_status_v2_check CHECK (((status_v2)::text <> ''::text)) NOT VALID;
COMMIT;

-- 1.backfill.validate-orders_status_v2_check: prove orders_status_v2_check for every row
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_status_v2_check;
COMMIT;

-- 1.backfill.not-null-check: refuse NULL in new values of status_v2
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_9628c23a_status_v2_not_null CHECK (status_v2 IS NOT NULL) NOT VALID;
COMMIT;

-- 1.backfill.not-null-validate: prove that no status_v2 is NULL
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_9628c23a_status_v2_not_null;
COMMIT;

-- 1.backfill.not-null: set status_v2 NOT NULL
BEGIN;
ALTER TABLE public.orders ALTER COLUMN status_v2 SET NOT NULL;
ALTER TABLE public.orders DROP CONSTRAINT lk_9628c23a_status_v2_not_null;
COMMIT;

-- 1.backfill.properties: give status_v2 the grants and properties of status
BEGIN;
COMMENT ON COLUMN public.orders.status_v2 IS 'where the order stands';
COMMIT;

-- 1.backfill.analyze: gather statistics of status_v2
BEGIN;
ANALYZE public.orders (status_v2);
COMMIT;

-- 1.switch.compare: compare status and status_v2 in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT (ROW(status_v2)::record *= ROW((status)::character varying(50))::record)
   AND NOT (ROW(status)::record *= ROW((status_v2)::character varying(20))::record)) AS different
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.switch.drop-old-not-null: let status be NULL, for rows that the new version inserts
BEGIN;
ALTER TABLE public.orders ALTER COLUMN status DROP NOT NULL;
COMMIT;

-- 1.switch.gate: wait for the application to use status_v2
-- gate 1.switch: The version of the application that uses status_v2 is deployed everywhere

-- 1.contract.gate: wait until nothing names status
-- gate 1.contract: No version of the application names public.orders.status any more

-- 1.contract.quarantine: quarantine status as lk_5eb66e79_status
BEGIN;
ALTER TABLE public.orders RENAME COLUMN status TO lk_5eb66e79_status;
COMMIT;

-- 1.contract.wait: keep status as lk_5eb66e79_status for the quarantine
-- the quarantine

-- 1.contract.purge: drop lk_5eb66e79_status, what was status, for good
BEGIN;
ALTER TABLE public.orders DROP COLUMN lk_5eb66e79_status;
ALTER TABLE public.orders ALTER COLUMN status_v2 SET DEFAULT 'new'::character varying;
COMMIT;
