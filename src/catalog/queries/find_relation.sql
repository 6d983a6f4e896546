-- Schemas that hold a relation of this name which a user could mean.
SELECT n.nspname AS schema
  FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relname = $2
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND CASE WHEN $1::text IS NOT NULL THEN n.nspname = $1::text
            ELSE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' END
 ORDER BY n.nspname
