-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.change-type.gate: wait until nothing writes what character varying(20) can't hold
-- gate 1.undo: No version of the application writes to public.orders.status what character varying(20) can't hold any more

-- 1.expand.change-type.probe: look for values that character varying(20) can't hold
SELECT count(*) AS rows,
       count(*) FILTER (WHERE NOT (pg_catalog.length(status) <= 20)) AS v1
  FROM ONLY public.orders WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.expand.change-type.limit: refuse what character varying(20) can't hold
BEGIN;
ALTER TABLE public.orders ADD CONSTRAINT lk_5eb66e79_status_limit CHECK (pg_catalog.length(status) <= 20) NOT VALID;
COMMIT;

-- 1.expand.change-type.prove: prove that character varying(20) can hold every value
BEGIN;
ALTER TABLE public.orders VALIDATE CONSTRAINT lk_5eb66e79_status_limit;
COMMIT;
