-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.contract.quarantine.restore: give the view public.orders its name back
BEGIN;
ALTER VIEW public.lk_322de72a_orders RENAME TO orders;
COMMIT;

-- 1.expand.rename.gate: wait until nothing names public."Purchases"
-- gate 1.undo: No version of the application names public."Purchases" any more

-- 1.expand.rename.rename: drop the view public.orders, and give the table its name back
BEGIN;
DROP VIEW public.orders;
ALTER TABLE public."Purchases" RENAME TO orders;
COMMIT;
