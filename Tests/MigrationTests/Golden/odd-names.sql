-- odd, as "lockkeeper run" would do it, but in one go: for a copy, not for a live
-- database. Steps that wait for a person are comments.
\set ON_ERROR_STOP on
\set from_block 0
\set to_block 4294967295
CREATE SCHEMA IF NOT EXISTS lockkeeper;
SET search_path TO public;
SET "TimeZone" TO 'UTC';
SET "DateStyle" TO 'ISO, MDY';

-- 1.expand.probe: try up on every row of public."Order Items"
SELECT count(*) AS rows,
       pg_catalog.count((("new")::json)::text)
  FROM ONLY public."Order Items" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.expand.add-column: add column lk_new json to public."Order Items"
BEGIN;
ALTER TABLE public."Order Items" ADD COLUMN lk_new json;
COMMIT;

-- 2.expand.probe: try up on every row of public."Order Items"
SELECT count(*) AS rows,
       pg_catalog.count((("Order Items".found)::numeric)::text),
       count(*) FILTER (WHERE ("Order Items".found) IS NULL) AS v1
  FROM ONLY public."Order Items" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 2.expand.add-column: add column if numeric to public."Order Items"
BEGIN;
ALTER TABLE public."Order Items" ADD COLUMN if numeric;
COMMIT;

-- 3.expand.probe: try up on every row of public."Order Items"
SELECT count(*) AS rows,
       pg_catalog.count(((upper("a""b")
|| '$lk$
   ')::text)::text)
  FROM ONLY public."Order Items" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 3.expand.add-column: add column tg_op text to public."Order Items"
BEGIN;
ALTER TABLE public."Order Items" ADD COLUMN tg_op text COLLATE pg_catalog."C";
COMMIT;

-- 1.migrate.sync: keep new and lk_new in step by a trigger
BEGIN;
CREATE FUNCTION lockkeeper.sync_odd_1() RETURNS trigger LANGUAGE plpgsql
 SET search_path TO pg_catalog, public, pg_temp
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
AS $lk$
#variable_conflict use_column
DECLARE
  lk_new_ ALIAS FOR NEW;
  lk_old_ ALIAS FOR OLD;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF ROW(lk_new_."new")::record *<> ROW(lk_old_."new")::record THEN
      IF NOT (ROW(lk_new_."lk_new")::record *<> ROW(lk_old_."lk_new")::record) THEN
        <<"Order Items">>
        DECLARE
          "new" json := lk_new_."new";
        BEGIN
          lk_new_."lk_new" := ("new");
        END;
      END IF;
    ELSIF ROW(lk_new_."lk_new")::record *<> ROW(lk_old_."lk_new")::record THEN
      <<"Order Items">>
      DECLARE
        "lk_new" json := lk_new_."lk_new";
      BEGIN
        lk_new_."new" := (lk_new);
      END;
    ELSIF lk_new_."lk_new" IS NULL THEN
      <<"Order Items">>
      DECLARE
        "new" json := lk_new_."new";
      BEGIN
        lk_new_."lk_new" := ("new");
      END;
    END IF;
  ELSE
    IF lk_new_."lk_new" IS NULL THEN
      <<"Order Items">>
      DECLARE
        "new" json := lk_new_."new";
      BEGIN
        lk_new_."lk_new" := ("new");
      END;
    ELSIF lk_new_."new" IS NULL THEN
      -- Written by the new version, unless one side is already the image of the other.
      <<"Order Items">>
      DECLARE
        "new" json := lk_new_."new";
        "lk_new" json := lk_new_."lk_new";
      BEGIN
        IF ROW("lk_new")::record *<> ROW(("new")::json)::record
           AND ROW("new")::record *<> ROW((lk_new)::json)::record
        THEN
          lk_new_."new" := (lk_new);
        END IF;
      END;
    END IF;
  END IF;
  RETURN lk_new_;
END
$lk$;
CREATE TRIGGER "~~lockkeeper_ad409d5e_1" BEFORE INSERT OR UPDATE ON public."Order Items" FOR EACH ROW
 WHEN (pg_catalog.current_setting('lockkeeper.fill', true) IS DISTINCT FROM 'odd/1'
       OR pg_catalog.pg_trigger_depth() > 0)
 EXECUTE FUNCTION lockkeeper.sync_odd_1();
ALTER TABLE public."Order Items" ENABLE ALWAYS TRIGGER "~~lockkeeper_ad409d5e_1";
COMMIT;

-- 2.migrate.sync: keep found and if in step by a trigger
BEGIN;
CREATE FUNCTION lockkeeper.sync_odd_2() RETURNS trigger LANGUAGE plpgsql
 SET search_path TO pg_catalog, public, pg_temp
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
AS $lk$
#variable_conflict use_column
DECLARE
  lk_new ALIAS FOR NEW;
  lk_old ALIAS FOR OLD;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF ROW(lk_new."found")::record *<> ROW(lk_old."found")::record THEN
      IF NOT (ROW(lk_new."if")::record *<> ROW(lk_old."if")::record) THEN
        <<"Order Items">>
        DECLARE
          "found" numeric := lk_new."found";
        BEGIN
          lk_new."if" := ("Order Items".found);
        END;
      END IF;
    ELSIF ROW(lk_new."if")::record *<> ROW(lk_old."if")::record THEN
      <<"Order Items">>
      DECLARE
        "if" numeric := lk_new."if";
      BEGIN
        lk_new."found" := ("Order Items"."if");
      END;
    ELSIF lk_new."if" IS NULL THEN
      <<"Order Items">>
      DECLARE
        "found" numeric := lk_new."found";
      BEGIN
        lk_new."if" := ("Order Items".found);
      END;
    END IF;
  ELSE
    IF lk_new."if" IS NULL THEN
      <<"Order Items">>
      DECLARE
        "found" numeric := lk_new."found";
      BEGIN
        lk_new."if" := ("Order Items".found);
      END;
    ELSIF lk_new."found" IS NULL THEN
      -- Written by the new version, unless one side is already the image of the other.
      <<"Order Items">>
      DECLARE
        "found" numeric := lk_new."found";
        "if" numeric := lk_new."if";
      BEGIN
        IF ROW("if")::record *<> ROW(("Order Items".found)::numeric)::record
           AND ROW("found")::record *<> ROW(("Order Items"."if")::numeric)::record
        THEN
          lk_new."found" := ("Order Items"."if");
        END IF;
      END;
    END IF;
  END IF;
  RETURN lk_new;
END
$lk$;
CREATE TRIGGER "~~lockkeeper_ad409d5e_2" BEFORE INSERT OR UPDATE ON public."Order Items" FOR EACH ROW
 WHEN (pg_catalog.current_setting('lockkeeper.fill', true) IS DISTINCT FROM 'odd/2'
       OR pg_catalog.pg_trigger_depth() > 0)
 EXECUTE FUNCTION lockkeeper.sync_odd_2();
ALTER TABLE public."Order Items" ENABLE ALWAYS TRIGGER "~~lockkeeper_ad409d5e_2";
COMMIT;

-- 3.migrate.sync: keep "a""b" and tg_op in step by a trigger
BEGIN;
CREATE FUNCTION lockkeeper.sync_odd_3() RETURNS trigger LANGUAGE plpgsql
 SET search_path TO pg_catalog, public, pg_temp
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
AS $lk1$
#variable_conflict use_column
DECLARE
  lk_new ALIAS FOR NEW;
  lk_old ALIAS FOR OLD;
BEGIN
  IF TG_OP = 'UPDATE' THEN
IF ROW(lk_new."a""b")::record *<> ROW(lk_old."a""b")::record THEN
  IF NOT (ROW(lk_new."tg_op")::record *<> ROW(lk_old."tg_op")::record) THEN
<<"Order Items">>
DECLARE
  "a""b" text COLLATE pg_catalog."C" := lk_new."a""b";
BEGIN
lk_new."tg_op" := (upper("a""b")
|| '$lk$
   ');
END;
  END IF;
ELSIF ROW(lk_new."tg_op")::record *<> ROW(lk_old."tg_op")::record THEN
<<"Order Items">>
DECLARE
  "tg_op" text COLLATE pg_catalog."C" := lk_new."tg_op";
BEGIN
lk_new."a""b" := (lower(split_part(tg_op, '$', 1)));
END;
ELSIF lk_new."tg_op" IS NULL THEN
<<"Order Items">>
DECLARE
  "a""b" text COLLATE pg_catalog."C" := lk_new."a""b";
BEGIN
lk_new."tg_op" := (upper("a""b")
|| '$lk$
   ');
END;
END IF;
  ELSE
IF lk_new."tg_op" IS NULL THEN
<<"Order Items">>
DECLARE
  "a""b" text COLLATE pg_catalog."C" := lk_new."a""b";
BEGIN
lk_new."tg_op" := (upper("a""b")
|| '$lk$
   ');
END;
ELSIF lk_new."a""b" IS NULL THEN
  -- Written by the new version, unless one side is already the image of the other.
<<"Order Items">>
DECLARE
  "a""b" text COLLATE pg_catalog."C" := lk_new."a""b";
  "tg_op" text COLLATE pg_catalog."C" := lk_new."tg_op";
BEGIN
IF ROW("tg_op")::record *<> ROW((upper("a""b")
|| '$lk$
   ')::text)::record
   AND ROW("a""b")::record *<> ROW((lower(split_part(tg_op, '$', 1)))::text)::record
THEN
  lk_new."a""b" := (lower(split_part(tg_op, '$', 1)));
END IF;
END;
END IF;
  END IF;
  RETURN lk_new;
END
$lk1$;
CREATE TRIGGER "~~lockkeeper_ad409d5e_3" BEFORE INSERT OR UPDATE ON public."Order Items" FOR EACH ROW
 WHEN (pg_catalog.current_setting('lockkeeper.fill', true) IS DISTINCT FROM 'odd/3'
       OR pg_catalog.pg_trigger_depth() > 0)
 EXECUTE FUNCTION lockkeeper.sync_odd_3();
ALTER TABLE public."Order Items" ENABLE ALWAYS TRIGGER "~~lockkeeper_ad409d5e_3";
COMMIT;

-- 1.backfill.check-trigger: look whether the sync trigger is in place
-- "~~lockkeeper_ad409d5e_1" must be in place

-- 1.backfill.fill: fill lk_new from up
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'odd/1', true);
UPDATE ONLY public."Order Items" SET lk_new = ("new")
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (lk_new IS NULL AND ("new") IS NOT NULL);
COMMIT;

-- 1.backfill.analyze: gather statistics of lk_new
BEGIN;
ANALYZE public."Order Items" (lk_new);
COMMIT;

-- 2.backfill.check-trigger: look whether the sync trigger is in place
-- "~~lockkeeper_ad409d5e_2" must be in place

-- 2.backfill.fill: fill if from up
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'odd/2', true);
UPDATE ONLY public."Order Items" SET if = ("Order Items".found)
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (if IS NULL AND ("Order Items".found) IS NOT NULL);
COMMIT;

-- 2.backfill.not-null-check: refuse NULL in new values of if
BEGIN;
ALTER TABLE public."Order Items" ADD CONSTRAINT lk_9bcc1ca2_if_not_null CHECK (if IS NOT NULL) NOT VALID;
COMMIT;

-- 2.backfill.not-null-validate: prove that no if is NULL
BEGIN;
ALTER TABLE public."Order Items" VALIDATE CONSTRAINT lk_9bcc1ca2_if_not_null;
COMMIT;

-- 2.backfill.not-null: set if NOT NULL
BEGIN;
ALTER TABLE public."Order Items" ALTER COLUMN if SET NOT NULL;
ALTER TABLE public."Order Items" DROP CONSTRAINT lk_9bcc1ca2_if_not_null;
COMMIT;

-- 2.backfill.analyze: gather statistics of if
BEGIN;
ANALYZE public."Order Items" (if);
COMMIT;

-- 3.backfill.check-trigger: look whether the sync trigger is in place
-- "~~lockkeeper_ad409d5e_3" must be in place

-- 3.backfill.fill: fill tg_op from up
BEGIN;
SELECT pg_catalog.set_config('lockkeeper.fill', 'odd/3', true);
UPDATE ONLY public."Order Items" SET tg_op = (upper("a""b")
|| '$lk$
   ')
 WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid AND (tg_op IS NULL AND (upper("a""b")
|| '$lk$
   ') IS NOT NULL);
COMMIT;

-- 3.backfill.analyze: gather statistics of tg_op
BEGIN;
ANALYZE public."Order Items" (tg_op);
COMMIT;

-- 1.switch.check-trigger: look whether the sync trigger is in place
-- "~~lockkeeper_ad409d5e_1" must be in place

-- 1.switch.compare: compare new and lk_new in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT (ROW(lk_new)::record *= ROW(("new")::json)::record)
   AND NOT (ROW(new)::record *= ROW((lk_new)::json)::record)) AS different
  FROM ONLY public."Order Items" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.switch.gate: wait for the application to use lk_new
-- gate 1.switch: The version of the application that uses lk_new is deployed everywhere

-- 2.switch.check-trigger: look whether the sync trigger is in place
-- "~~lockkeeper_ad409d5e_2" must be in place

-- 2.switch.compare: compare found and if in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT (ROW(if)::record *= ROW(("Order Items".found)::numeric)::record)
   AND NOT (ROW(found)::record *= ROW(("Order Items"."if")::numeric)::record)) AS different
  FROM ONLY public."Order Items" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 2.switch.gate: wait for the application to use if
-- gate 2.switch: The version of the application that uses if is deployed everywhere

-- 3.switch.check-trigger: look whether the sync trigger is in place
-- "~~lockkeeper_ad409d5e_3" must be in place

-- 3.switch.compare: compare "a""b" and tg_op in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT (ROW(tg_op)::record *= ROW((upper("a""b")
|| '$lk$
   ')::text)::record)
   AND NOT (ROW("a""b")::record *= ROW((lower(split_part(tg_op, '$', 1)))::text)::record)) AS different
  FROM ONLY public."Order Items" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 3.switch.gate: wait for the application to use tg_op
-- gate 3.switch: The version of the application that uses tg_op is deployed everywhere

-- 1.contract.check-trigger: look whether the sync trigger is in place
-- "~~lockkeeper_ad409d5e_1" must be in place

-- 1.contract.gate: wait until nothing names new
-- gate 1.contract: No version of the application names public."Order Items".new any more

-- 1.contract.compare: compare new and lk_new in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT (ROW(lk_new)::record *= ROW(("new")::json)::record)
   AND NOT (ROW(new)::record *= ROW((lk_new)::json)::record)) AS different
  FROM ONLY public."Order Items" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.contract.quarantine: quarantine new as lk_1184dbc5_new, still in step
BEGIN;
ALTER TABLE public."Order Items" RENAME COLUMN new TO lk_1184dbc5_new;
CREATE OR REPLACE FUNCTION lockkeeper.sync_odd_1() RETURNS trigger LANGUAGE plpgsql
 SET search_path TO pg_catalog, public, pg_temp
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
AS $lk$
#variable_conflict use_column
DECLARE
  lk_new_ ALIAS FOR NEW;
  lk_old_ ALIAS FOR OLD;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF ROW(lk_new_."lk_1184dbc5_new")::record *<> ROW(lk_old_."lk_1184dbc5_new")::record THEN
      IF NOT (ROW(lk_new_."lk_new")::record *<> ROW(lk_old_."lk_new")::record) THEN
        <<"Order Items">>
        DECLARE
          "new" json := lk_new_."lk_1184dbc5_new";
        BEGIN
          lk_new_."lk_new" := ("new");
        END;
      END IF;
    ELSIF ROW(lk_new_."lk_new")::record *<> ROW(lk_old_."lk_new")::record THEN
      <<"Order Items">>
      DECLARE
        "lk_new" json := lk_new_."lk_new";
      BEGIN
        lk_new_."lk_1184dbc5_new" := (lk_new);
      END;
    ELSIF lk_new_."lk_new" IS NULL THEN
      <<"Order Items">>
      DECLARE
        "new" json := lk_new_."lk_1184dbc5_new";
      BEGIN
        lk_new_."lk_new" := ("new");
      END;
    END IF;
  ELSE
    IF lk_new_."lk_new" IS NULL THEN
      <<"Order Items">>
      DECLARE
        "new" json := lk_new_."lk_1184dbc5_new";
      BEGIN
        lk_new_."lk_new" := ("new");
      END;
    ELSIF lk_new_."lk_1184dbc5_new" IS NULL THEN
      -- Written by the new version, unless one side is already the image of the other.
      <<"Order Items">>
      DECLARE
        "new" json := lk_new_."lk_1184dbc5_new";
        "lk_new" json := lk_new_."lk_new";
      BEGIN
        IF ROW("lk_new")::record *<> ROW(("new")::json)::record
           AND ROW("new")::record *<> ROW((lk_new)::json)::record
        THEN
          lk_new_."lk_1184dbc5_new" := (lk_new);
        END IF;
      END;
    END IF;
  END IF;
  RETURN lk_new_;
END
$lk$;
COMMIT;

-- 2.contract.check-trigger: look whether the sync trigger is in place
-- "~~lockkeeper_ad409d5e_2" must be in place

-- 2.contract.gate: wait until nothing names found
-- gate 2.contract: No version of the application names public."Order Items".found any more

-- 2.contract.compare: compare found and if in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT (ROW(if)::record *= ROW(("Order Items".found)::numeric)::record)
   AND NOT (ROW(found)::record *= ROW(("Order Items"."if")::numeric)::record)) AS different
  FROM ONLY public."Order Items" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 2.contract.quarantine: quarantine found as lk_28f5cc93_found, still in step
BEGIN;
ALTER TABLE public."Order Items" RENAME COLUMN found TO lk_28f5cc93_found;
ALTER TABLE public."Order Items" ALTER COLUMN lk_28f5cc93_found DROP NOT NULL;
CREATE OR REPLACE FUNCTION lockkeeper.sync_odd_2() RETURNS trigger LANGUAGE plpgsql
 SET search_path TO pg_catalog, public, pg_temp
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
AS $lk$
#variable_conflict use_column
DECLARE
  lk_new ALIAS FOR NEW;
  lk_old ALIAS FOR OLD;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF ROW(lk_new."lk_28f5cc93_found")::record *<> ROW(lk_old."lk_28f5cc93_found")::record THEN
      IF NOT (ROW(lk_new."if")::record *<> ROW(lk_old."if")::record) THEN
        <<"Order Items">>
        DECLARE
          "found" numeric := lk_new."lk_28f5cc93_found";
        BEGIN
          lk_new."if" := ("Order Items".found);
        END;
      END IF;
    ELSIF ROW(lk_new."if")::record *<> ROW(lk_old."if")::record THEN
      <<"Order Items">>
      DECLARE
        "if" numeric := lk_new."if";
      BEGIN
        lk_new."lk_28f5cc93_found" := ("Order Items"."if");
      END;
    ELSIF lk_new."if" IS NULL THEN
      <<"Order Items">>
      DECLARE
        "found" numeric := lk_new."lk_28f5cc93_found";
      BEGIN
        lk_new."if" := ("Order Items".found);
      END;
    END IF;
  ELSE
    IF lk_new."if" IS NULL THEN
      <<"Order Items">>
      DECLARE
        "found" numeric := lk_new."lk_28f5cc93_found";
      BEGIN
        lk_new."if" := ("Order Items".found);
      END;
    ELSIF lk_new."lk_28f5cc93_found" IS NULL THEN
      -- Written by the new version, unless one side is already the image of the other.
      <<"Order Items">>
      DECLARE
        "found" numeric := lk_new."lk_28f5cc93_found";
        "if" numeric := lk_new."if";
      BEGIN
        IF ROW("if")::record *<> ROW(("Order Items".found)::numeric)::record
           AND ROW("found")::record *<> ROW(("Order Items"."if")::numeric)::record
        THEN
          lk_new."lk_28f5cc93_found" := ("Order Items"."if");
        END IF;
      END;
    END IF;
  END IF;
  RETURN lk_new;
END
$lk$;
COMMIT;

-- 3.contract.check-trigger: look whether the sync trigger is in place
-- "~~lockkeeper_ad409d5e_3" must be in place

-- 3.contract.gate: wait until nothing names "a""b"
-- gate 3.contract: No version of the application names public."Order Items"."a""b" any more

-- 3.contract.compare: compare "a""b" and tg_op in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE NOT (ROW(tg_op)::record *= ROW((upper("a""b")
|| '$lk$
   ')::text)::record)
   AND NOT (ROW("a""b")::record *= ROW((lower(split_part(tg_op, '$', 1)))::text)::record)) AS different
  FROM ONLY public."Order Items" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 3.contract.quarantine: quarantine "a""b" as "lk_a2ba8c34_a""b", still in step
BEGIN;
ALTER TABLE public."Order Items" RENAME COLUMN "a""b" TO "lk_a2ba8c34_a""b";
CREATE OR REPLACE FUNCTION lockkeeper.sync_odd_3() RETURNS trigger LANGUAGE plpgsql
 SET search_path TO pg_catalog, public, pg_temp
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, MDY'
AS $lk1$
#variable_conflict use_column
DECLARE
  lk_new ALIAS FOR NEW;
  lk_old ALIAS FOR OLD;
BEGIN
  IF TG_OP = 'UPDATE' THEN
IF ROW(lk_new."lk_a2ba8c34_a""b")::record *<> ROW(lk_old."lk_a2ba8c34_a""b")::record THEN
  IF NOT (ROW(lk_new."tg_op")::record *<> ROW(lk_old."tg_op")::record) THEN
<<"Order Items">>
DECLARE
  "a""b" text COLLATE pg_catalog."C" := lk_new."lk_a2ba8c34_a""b";
BEGIN
lk_new."tg_op" := (upper("a""b")
|| '$lk$
   ');
END;
  END IF;
ELSIF ROW(lk_new."tg_op")::record *<> ROW(lk_old."tg_op")::record THEN
<<"Order Items">>
DECLARE
  "tg_op" text COLLATE pg_catalog."C" := lk_new."tg_op";
BEGIN
lk_new."lk_a2ba8c34_a""b" := (lower(split_part(tg_op, '$', 1)));
END;
ELSIF lk_new."tg_op" IS NULL THEN
<<"Order Items">>
DECLARE
  "a""b" text COLLATE pg_catalog."C" := lk_new."lk_a2ba8c34_a""b";
BEGIN
lk_new."tg_op" := (upper("a""b")
|| '$lk$
   ');
END;
END IF;
  ELSE
IF lk_new."tg_op" IS NULL THEN
<<"Order Items">>
DECLARE
  "a""b" text COLLATE pg_catalog."C" := lk_new."lk_a2ba8c34_a""b";
BEGIN
lk_new."tg_op" := (upper("a""b")
|| '$lk$
   ');
END;
ELSIF lk_new."lk_a2ba8c34_a""b" IS NULL THEN
  -- Written by the new version, unless one side is already the image of the other.
<<"Order Items">>
DECLARE
  "a""b" text COLLATE pg_catalog."C" := lk_new."lk_a2ba8c34_a""b";
  "tg_op" text COLLATE pg_catalog."C" := lk_new."tg_op";
BEGIN
IF ROW("tg_op")::record *<> ROW((upper("a""b")
|| '$lk$
   ')::text)::record
   AND ROW("a""b")::record *<> ROW((lower(split_part(tg_op, '$', 1)))::text)::record
THEN
  lk_new."lk_a2ba8c34_a""b" := (lower(split_part(tg_op, '$', 1)));
END IF;
END;
END IF;
  END IF;
  RETURN lk_new;
END
$lk1$;
COMMIT;

-- 1.contract.wait: keep new as lk_1184dbc5_new for the quarantine
-- the quarantine

-- 1.contract.compare-again: compare lk_1184dbc5_new and lk_new in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE (SELECT NOT (ROW(lk_new)::record *= ROW(("new")::json)::record) FROM (SELECT "Order Items".*, "Order Items".lk_1184dbc5_new AS new) AS "Order Items")
   AND (SELECT NOT (ROW(new)::record *= ROW((lk_new)::json)::record) FROM (SELECT "Order Items".*, "Order Items".lk_1184dbc5_new AS new) AS "Order Items")) AS different
  FROM ONLY public."Order Items" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 2.contract.wait: keep found as lk_28f5cc93_found for the quarantine
-- the quarantine

-- 2.contract.compare-again: compare lk_28f5cc93_found and if in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE (SELECT NOT (ROW(if)::record *= ROW(("Order Items".found)::numeric)::record) FROM (SELECT "Order Items".*, "Order Items".lk_28f5cc93_found AS found) AS "Order Items")
   AND (SELECT NOT (ROW(found)::record *= ROW(("Order Items"."if")::numeric)::record) FROM (SELECT "Order Items".*, "Order Items".lk_28f5cc93_found AS found) AS "Order Items")) AS different
  FROM ONLY public."Order Items" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 3.contract.wait: keep "a""b" as "lk_a2ba8c34_a""b" for the quarantine
-- the quarantine

-- 3.contract.compare-again: compare "lk_a2ba8c34_a""b" and tg_op in every row
SELECT count(*) AS rows, count(*) FILTER (WHERE (SELECT NOT (ROW(tg_op)::record *= ROW((upper("a""b")
|| '$lk$
   ')::text)::record) FROM (SELECT "Order Items".*, "Order Items"."lk_a2ba8c34_a""b" AS "a""b") AS "Order Items")
   AND (SELECT NOT (ROW("a""b")::record *= ROW((lower(split_part(tg_op, '$', 1)))::text)::record) FROM (SELECT "Order Items".*, "Order Items"."lk_a2ba8c34_a""b" AS "a""b") AS "Order Items")) AS different
  FROM ONLY public."Order Items" WHERE ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid;

-- 1.contract.purge: drop lk_1184dbc5_new, what was new, for good
BEGIN;
DROP TRIGGER IF EXISTS "~~lockkeeper_ad409d5e_1" ON public."Order Items";
DROP FUNCTION IF EXISTS lockkeeper.sync_odd_1();
ALTER TABLE public."Order Items" DROP COLUMN lk_1184dbc5_new;
COMMIT;

-- 2.contract.purge: drop lk_28f5cc93_found, what was found, for good
BEGIN;
DROP TRIGGER IF EXISTS "~~lockkeeper_ad409d5e_2" ON public."Order Items";
DROP FUNCTION IF EXISTS lockkeeper.sync_odd_2();
ALTER TABLE public."Order Items" DROP COLUMN lk_28f5cc93_found;
COMMIT;

-- 3.contract.purge: drop "lk_a2ba8c34_a""b", what was "a""b", for good
BEGIN;
DROP TRIGGER IF EXISTS "~~lockkeeper_ad409d5e_3" ON public."Order Items";
DROP FUNCTION IF EXISTS lockkeeper.sync_odd_3();
ALTER TABLE public."Order Items" DROP COLUMN "lk_a2ba8c34_a""b";
COMMIT;
