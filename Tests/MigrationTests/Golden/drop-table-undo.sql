-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.contract.quarantine.restore: give public.orders its name and rights back
BEGIN;
ALTER TABLE public.lk_322de72a_orders RENAME TO orders;
GRANT SELECT, INSERT ON public.orders TO app;
GRANT SELECT ON public.orders TO PUBLIC;
GRANT UPDATE ON public.orders TO app WITH GRANT OPTION;
GRANT UPDATE (status) ON public.orders TO clerk;
COMMIT;
