-- Plain views that read the table directly, outermost first.
WITH RECURSIVE edges AS (
    SELECT DISTINCT r.ev_class AS reader, d.refobjid AS source
      FROM pg_catalog.pg_depend d
           JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'
     WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass
       AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND r.ev_class <> d.refobjid
), levels (view, depth) AS (
    SELECT e.reader, 1 FROM edges e WHERE e.source = $1
    UNION
    -- UNION and the limit end the walk even where views were replaced into a circle.
    SELECT e.reader, l.depth + 1
      FROM levels l
           JOIN edges e ON e.source = l.view
     WHERE l.depth < 100
)
SELECT n.nspname AS schema,
       v.relname AS name,
       pg_catalog.pg_get_userbyid(v.relowner) AS owner,
       pg_catalog.rtrim(pg_catalog.pg_get_viewdef(v.oid), ';') AS definition,
       coalesce(v.reloptions, '{}') AS options,
       (SELECT pg_catalog.max(l.depth) FROM levels l WHERE l.view = v.oid) AS depth
  FROM edges e
       JOIN pg_catalog.pg_class v ON v.oid = e.reader AND v.relkind = 'v'
       JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace
 WHERE e.source = $1
 ORDER BY depth DESC, n.nspname, v.relname
