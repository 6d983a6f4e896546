-- Triggers that a foreign key's action on the table fires, directly or by further foreign keys, and whose functions name
-- relations or functions without their schema. Within our trigger functions they run with our search_path.
WITH RECURSIVE reached AS (
    SELECT k.conrelid AS oid
      FROM pg_catalog.pg_constraint k
     WHERE k.confrelid = $1 AND k.contype = 'f' AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
    UNION
    SELECT k.conrelid
      FROM reached r
           JOIN pg_catalog.pg_constraint k
             ON k.confrelid = r.oid AND k.contype = 'f' AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
), fired AS (
    SELECT DISTINCT t.tgrelid, t.tgname, p.oid AS function, p.prosrc
      FROM reached r
           JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
           JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
           JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c')
     -- UPDATE or DELETE
     WHERE t.tgtype & 24 <> 0
       AND NOT EXISTS (SELECT FROM pg_catalog.unnest(p.proconfig) AS s (setting) WHERE s.setting LIKE 'search_path=%')
), names AS (
    SELECT c.relname::text AS name
      FROM pg_catalog.pg_class c
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
       AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)
    UNION
    SELECT p.proname::text
      FROM pg_catalog.pg_proc p
     WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
)
SELECT DISTINCT 'cascaded_trigger' AS kind,
       pg_catalog.format('%I on %s, with the function %s', f.tgname, f.tgrelid::regclass, f.function::regprocedure) AS name
  FROM fired f
 WHERE EXISTS (
       SELECT FROM names n
        WHERE pg_catalog.strpos(pg_catalog.lower(f.prosrc), pg_catalog.lower(n.name)) > 0
          AND f.prosrc ~* ('(^|[^.[:alnum:]_])"?' || pg_catalog.regexp_replace(n.name, '([^[:alnum:]_])', '\\\1', 'g') || '"?([^[:alnum:]_]|$)'))
