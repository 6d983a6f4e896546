-- What reads the table, directly or through a materialized view, and is changed at the cutover: views,
-- materialized views, and relations with a rule or a policy that does. Outermost first.
WITH RECURSIVE edges AS (
    SELECT r.ev_class AS reader, d.refobjid AS source
      FROM pg_catalog.pg_depend d
           JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
     WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass
       AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND r.ev_class <> d.refobjid
    UNION
    SELECT p.polrelid, d.refobjid
      FROM pg_catalog.pg_depend d
           JOIN pg_catalog.pg_policy p ON p.oid = d.objid
     WHERE d.classid = 'pg_catalog.pg_policy'::regclass
       AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND p.polrelid <> d.refobjid
), swapped AS (
    SELECT $1::oid AS oid
    UNION
    SELECT m.oid
      FROM swapped s
           JOIN edges e ON e.source = s.oid
           JOIN pg_catalog.pg_class m ON m.oid = e.reader AND m.relkind = 'm'
), levels (relation, depth) AS (
    SELECT e.reader, 1 FROM edges e WHERE e.source = $1
    UNION
    -- UNION and the limit end the walk even where views were replaced into a circle.
    SELECT e.reader, l.depth + 1
      FROM levels l
           JOIN edges e ON e.source = l.relation
     WHERE l.depth < 100
       AND e.reader <> $1
)
SELECT n.nspname AS schema,
       c.relname AS name,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner,
       (SELECT pg_catalog.max(l.depth) FROM levels l WHERE l.relation = c.oid) AS depth
  FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid <> $1
   AND c.oid IN (SELECT e.reader FROM edges e JOIN swapped s ON s.oid = e.source)
 ORDER BY depth DESC, n.nspname, c.relname
