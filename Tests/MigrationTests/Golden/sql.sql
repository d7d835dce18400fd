-- orders-status, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.sql: run CREATE TABLE order_notes (id bigint)
BEGIN;
CREATE TABLE order_notes (id bigint);
COMMIT;

-- 2.contract.sql: run VACUUM orders
VACUUM orders;
