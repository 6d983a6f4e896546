-- Every table that a misspelt name might mean.
SELECT n.nspname AS schema,
       c.relname AS name
  FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p')
   AND NOT c.relispartition
   AND n.nspname NOT LIKE 'pg\_%'
   AND n.nspname NOT IN ('information_schema', 'pgcleave')
 ORDER BY n.nspname, c.relname
