-- Ordinary tables of users; pgcleave's own and partitions left out.
SELECT n.nspname AS schema,
       c.relname AS name,
       pg_catalog.pg_table_size(c.oid) AS table_bytes,
       c.reltuples::double precision AS estimated_rows
  FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r'
   AND c.relpersistence <> 't'
   AND NOT c.relispartition
   AND n.nspname NOT LIKE 'pg\_%'
   AND n.nspname NOT IN ('information_schema', 'pgcleave')
   AND c.relname !~ '_pgcleave_(copy|retired|log|state)$'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
                      AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname
