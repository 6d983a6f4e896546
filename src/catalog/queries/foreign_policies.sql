-- Policies of other tables that read the table, or a materialized view that does.
WITH RECURSIVE swapped AS (
    SELECT $1::oid AS oid
    UNION
    SELECT m.oid
      FROM swapped s
           JOIN pg_catalog.pg_depend d
             ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                AND d.classid = 'pg_catalog.pg_rewrite'::regclass
           JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
           JOIN pg_catalog.pg_class m ON m.oid = r.ev_class AND m.relkind = 'm'
)
SELECT DISTINCT p.polname AS name,
       n.nspname AS schema,
       t.relname AS relation,
       pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS using_expression,
       pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS check_expression
  FROM swapped s
       JOIN pg_catalog.pg_depend d
         ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
            AND d.classid = 'pg_catalog.pg_policy'::regclass
       JOIN pg_catalog.pg_policy p ON p.oid = d.objid AND p.polrelid <> $1
       JOIN pg_catalog.pg_class t ON t.oid = p.polrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
 ORDER BY n.nspname, t.relname, p.polname
