-- sessions whose last statement names code
WITH seen AS (
SELECT a.pid AS place, a.query,
       pg_catalog.format('pid %s (%s): %s', a.pid, a.application_name, pg_catalog.left(a.query, 120)) AS shown
  FROM pg_catalog.pg_stat_activity a
 WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
   AND coalesce(a.backend_type, 'client backend') = 'client backend'
   AND a.application_name IS DISTINCT FROM 'lockkeeper'),
counts AS (
  SELECT count(*) AS seen, count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden FROM seen),
found AS (
  SELECT place, shown FROM seen WHERE query OPERATOR(pg_catalog.~*) E'\\mitems\\M' AND query OPERATOR(pg_catalog.~*) E'\\mcode\\M' ORDER BY place LIMIT 50)
SELECT f.shown AS finding, pg_catalog.format('%s %s', c.seen, 'sessions') AS basis,
       CASE WHEN c.hidden > 0 THEN pg_catalog.format(
         '%s of %s %s are hidden from %4$I: GRANT pg_read_all_stats TO %4$I', c.hidden, c.seen, 'sessions', current_user) END AS hidden
  FROM counts c LEFT JOIN found f ON true
 ORDER BY f.place;

-- statements in pg_stat_statements that name code
WITH seen AS (
SELECT -s.calls AS place, s.query,
       pg_catalog.format('%s calls: %s', s.calls, pg_catalog.left(s.query, 120)) AS shown
  FROM pg_stat_statements s
  JOIN pg_catalog.pg_database d ON d.oid = s.dbid
 WHERE d.datname = pg_catalog.current_database()
   AND s.query !~* '^\s*(alter|create|drop|comment|grant|revoke)\M'
   AND pg_catalog.strpos(s.query, '/* lockkeeper */') = 0),
counts AS (
  SELECT count(*) AS seen, count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden FROM seen),
found AS (
  SELECT place, shown FROM seen WHERE query OPERATOR(pg_catalog.~*) E'\\mitems\\M' AND query OPERATOR(pg_catalog.~*) E'\\mcode\\M' ORDER BY place LIMIT 50)
SELECT f.shown AS finding, pg_catalog.format('%s %s', c.seen, 'statements') AS basis,
       CASE WHEN c.hidden > 0 THEN pg_catalog.format(
         '%s of %s %s are hidden from %4$I: GRANT pg_read_all_stats TO %4$I', c.hidden, c.seen, 'statements', current_user) END AS hidden
  FROM counts c LEFT JOIN found f ON true
 ORDER BY f.place;

-- views, policies, triggers and generated columns that depend on code
SELECT DISTINCT CASE WHEN d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
         THEN (SELECT pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class, 0)
                 FROM pg_catalog.pg_rewrite r WHERE r.oid = d.objid)
         ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END AS finding
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
   AND d.refobjid = 'public.items'::pg_catalog.regclass::pg_catalog.oid
   AND a.attname = 'code'
   AND (d.deptype = 'n' AND d.classid <> 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid
        OR d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid
           AND d.deptype = 'a'
           AND EXISTS (SELECT FROM pg_catalog.pg_attrdef x WHERE x.oid = d.objid AND x.adnum <> a.attnum)
        OR d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.deptype = 'a'
           AND d.objid = d.refobjid)
 ORDER BY 1 LIMIT 50;

-- functions whose text names code
SELECT 'function ' || p.oid::pg_catalog.regprocedure::text AS finding
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'lockkeeper')
   AND p.prosrc OPERATOR(pg_catalog.~*) E'\\mcode\\M'
 ORDER BY 1 LIMIT 50;

-- publications whose column list has code
SELECT 'publication ' || p.pubname::text AS finding
  FROM pg_catalog.pg_publication_rel r
  JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.prrelid
   AND a.attnum = ANY (r.prattrs::pg_catalog.int2[])
 WHERE r.prrelid = 'public.items'::pg_catalog.regclass::pg_catalog.oid
   AND a.attname = 'code'
 ORDER BY 1 LIMIT 50;

-- sessions whose last statement names code_v2
WITH seen AS (
SELECT a.pid AS place, a.query,
       pg_catalog.format('pid %s (%s): %s', a.pid, a.application_name, pg_catalog.left(a.query, 120)) AS shown
  FROM pg_catalog.pg_stat_activity a
 WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
   AND coalesce(a.backend_type, 'client backend') = 'client backend'
   AND a.application_name IS DISTINCT FROM 'lockkeeper'),
counts AS (
  SELECT count(*) AS seen, count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden FROM seen),
found AS (
  SELECT place, shown FROM seen WHERE query OPERATOR(pg_catalog.~*) E'\\mitems\\M' AND query OPERATOR(pg_catalog.~*) E'\\mcode_v2\\M' ORDER BY place LIMIT 50)
SELECT f.shown AS finding, pg_catalog.format('%s %s', c.seen, 'sessions') AS basis,
       CASE WHEN c.hidden > 0 THEN pg_catalog.format(
         '%s of %s %s are hidden from %4$I: GRANT pg_read_all_stats TO %4$I', c.hidden, c.seen, 'sessions', current_user) END AS hidden
  FROM counts c LEFT JOIN found f ON true
 ORDER BY f.place;

-- statements in pg_stat_statements that name code_v2
WITH seen AS (
SELECT -s.calls AS place, s.query,
       pg_catalog.format('%s calls: %s', s.calls, pg_catalog.left(s.query, 120)) AS shown
  FROM pg_stat_statements s
  JOIN pg_catalog.pg_database d ON d.oid = s.dbid
 WHERE d.datname = pg_catalog.current_database()
   AND s.query !~* '^\s*(alter|create|drop|comment|grant|revoke)\M'
   AND pg_catalog.strpos(s.query, '/* lockkeeper */') = 0),
counts AS (
  SELECT count(*) AS seen, count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden FROM seen),
found AS (
  SELECT place, shown FROM seen WHERE query OPERATOR(pg_catalog.~*) E'\\mitems\\M' AND query OPERATOR(pg_catalog.~*) E'\\mcode_v2\\M' ORDER BY place LIMIT 50)
SELECT f.shown AS finding, pg_catalog.format('%s %s', c.seen, 'statements') AS basis,
       CASE WHEN c.hidden > 0 THEN pg_catalog.format(
         '%s of %s %s are hidden from %4$I: GRANT pg_read_all_stats TO %4$I', c.hidden, c.seen, 'statements', current_user) END AS hidden
  FROM counts c LEFT JOIN found f ON true
 ORDER BY f.place;

-- views, policies, triggers and generated columns that depend on code_v2
SELECT DISTINCT CASE WHEN d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
         THEN (SELECT pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class, 0)
                 FROM pg_catalog.pg_rewrite r WHERE r.oid = d.objid)
         ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END AS finding
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
   AND d.refobjid = 'public.items'::pg_catalog.regclass::pg_catalog.oid
   AND a.attname = 'code_v2'
   AND (d.deptype = 'n' AND d.classid <> 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid
        OR d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid
           AND d.deptype = 'a'
           AND EXISTS (SELECT FROM pg_catalog.pg_attrdef x WHERE x.oid = d.objid AND x.adnum <> a.attnum)
        OR d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.deptype = 'a'
           AND d.objid = d.refobjid)
 ORDER BY 1 LIMIT 50;

-- functions whose text names code_v2
SELECT 'function ' || p.oid::pg_catalog.regprocedure::text AS finding
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'lockkeeper')
   AND p.prosrc OPERATOR(pg_catalog.~*) E'\\mcode_v2\\M'
 ORDER BY 1 LIMIT 50;

-- publications whose column list has code_v2
SELECT 'publication ' || p.pubname::text AS finding
  FROM pg_catalog.pg_publication_rel r
  JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.prrelid
   AND a.attnum = ANY (r.prattrs::pg_catalog.int2[])
 WHERE r.prrelid = 'public.items'::pg_catalog.regclass::pg_catalog.oid
   AND a.attname = 'code_v2'
 ORDER BY 1 LIMIT 50;
