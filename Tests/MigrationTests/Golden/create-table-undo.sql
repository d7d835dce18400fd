-- orders-status, as "lockkeeper rollback" would undo it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.create.gate: wait until nothing names public.order_notes
-- gate 1.undo: No version of the application names public.order_notes any more

-- 1.expand.create.aside: put public.order_notes aside as lk_45ef9083_order_notes
BEGIN;
ALTER TABLE public.order_notes DROP CONSTRAINT order_notes_answers_fkey;
ALTER TABLE public.order_notes RENAME CONSTRAINT order_notes_pkey TO lk_45ef9083_order_notes_pkey;
ALTER TABLE public.order_notes RENAME CONSTRAINT one_of_a_kind TO lk_45ef9083_one_of_a_kind;
ALTER TABLE public.order_notes DROP CONSTRAINT order_notes_order_id_fkey;
ALTER TABLE public.order_notes RENAME TO lk_45ef9083_order_notes;
COMMIT;
