-- Plain views that read the table, or a materialized view that goes over with it, directly; outermost first.
WITH RECURSIVE edges AS (
    SELECT DISTINCT r.ev_class AS reader, d.refobjid AS source
      FROM pg_catalog.pg_depend d
           JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'
     WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass
       AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND r.ev_class <> d.refobjid
), swapped AS (
    SELECT $1::oid AS oid
    UNION
    SELECT m.oid
      FROM swapped s
           JOIN edges e ON e.source = s.oid
           JOIN pg_catalog.pg_class m ON m.oid = e.reader AND m.relkind = 'm'
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
       (SELECT pg_catalog.max(l.depth) FROM levels l WHERE l.view = v.oid) AS depth,
       EXISTS (SELECT FROM pg_catalog.pg_rewrite r
                      JOIN pg_catalog.pg_depend d
                        ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
                           AND d.refclassid = 'pg_catalog.pg_constraint'::regclass
                      JOIN pg_catalog.pg_constraint k ON k.oid = d.refobjid AND k.conrelid = $1
                WHERE r.ev_class = v.oid AND r.rulename = '_RETURN') AS groups_by_key
  FROM pg_catalog.pg_class v
       JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace
 WHERE v.relkind = 'v'
   AND v.oid IN (SELECT e.reader FROM edges e JOIN swapped s ON s.oid = e.source)
 ORDER BY depth DESC, n.nspname, v.relname
