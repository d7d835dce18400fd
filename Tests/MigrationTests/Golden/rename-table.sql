-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.rename: rename public.orders to "Purchases", and put a view at the old name
BEGIN;
ALTER TABLE public.orders RENAME TO "Purchases";
CREATE VIEW public.orders WITH (security_invoker = true) AS
  SELECT id, customer_id, status, total, placed_at FROM public."Purchases";
ALTER VIEW public.orders OWNER TO keeper;
GRANT SELECT, INSERT ON public.orders TO app;
GRANT SELECT ON public.orders TO PUBLIC;
GRANT UPDATE ON public.orders TO app WITH GRANT OPTION;
GRANT UPDATE (status) ON public.orders TO clerk;
COMMIT;

-- 1.expand.comments: give the view the comments of the table
BEGIN;
COMMENT ON VIEW public.orders IS 'what customers asked for';
COMMENT ON COLUMN public.orders.status IS 'where the order stands';
COMMIT;

-- 1.switch.gate: wait for the application to use "Purchases"
-- gate 1.switch: The version of the application that uses public."Purchases" is deployed everywhere

-- 1.contract.gate: wait until nothing names public.orders
-- gate 1.contract: No version of the application names public.orders any more

-- 1.contract.quarantine: quarantine the view public.orders as lk_322de72a_orders
BEGIN;
ALTER VIEW public.orders RENAME TO lk_322de72a_orders;
COMMIT;

-- 1.contract.wait: keep the view as lk_322de72a_orders for the quarantine
-- the quarantine

-- 1.contract.purge: drop the view lk_322de72a_orders, what was public.orders, for good
BEGIN;
DROP VIEW public.lk_322de72a_orders;
COMMIT;
