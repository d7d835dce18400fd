-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.create: create table public.order_notes
BEGIN;
CREATE TABLE public.order_notes (
  id bigint GENERATED ALWAYS AS IDENTITY,
  order_id bigint NOT NULL,
  answers bigint,
  kind text DEFAULT ('remark') NOT NULL,
  body text,
  CONSTRAINT order_notes_answers_fkey FOREIGN KEY (answers) REFERENCES public.order_notes (id),
  CONSTRAINT order_notes_kind_check CHECK (kind <> ''),
  CONSTRAINT order_notes_pkey PRIMARY KEY (id),
  CONSTRAINT one_of_a_kind UNIQUE (order_id, kind),
  CONSTRAINT says_more CHECK (kind <> body),
  CONSTRAINT order_notes_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders (id) ON DELETE CASCADE ON UPDATE SET NULL
);
COMMENT ON COLUMN public.order_notes.body IS 'as the customer reads it';
COMMIT;
