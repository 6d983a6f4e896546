-- The table's rules, and rules of other relations that name it or a materialized view on it.
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
SELECT r.rulename AS name,
       n.nspname AS schema,
       t.relname AS relation,
       -- Behind CREATE.
       pg_catalog.rtrim(pg_catalog.substr(pg_catalog.pg_get_ruledef(r.oid), 8), ';') AS definition,
       r.ev_enabled::text AS enabled,
       c.description AS comment
  FROM pg_catalog.pg_rewrite r
       JOIN pg_catalog.pg_class t ON t.oid = r.ev_class
       JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
       LEFT JOIN pg_catalog.pg_description c
              ON c.classoid = 'pg_catalog.pg_rewrite'::regclass AND c.objoid = r.oid
 WHERE r.rulename <> '_RETURN'
   AND (r.ev_class = $1
        OR r.oid IN (SELECT d.objid
                       FROM swapped s
                            JOIN pg_catalog.pg_depend d
                              ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                      WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass))
 ORDER BY n.nspname, t.relname, r.rulename
