-- Tables of this name, those first that a session with the role's own settings finds first. Sessions of pgcleave pin
-- search_path: what it would be is its reset value.
WITH own AS (
    SELECT pg_catalog.array_replace(
               pg_catalog.string_to_array(pg_catalog.translate(reset_val, '" ', ''), ','), '$user', session_user::text) AS path
      FROM pg_catalog.pg_settings
     WHERE name = 'search_path'
)
SELECT n.nspname AS schema, c.relname AS name, pg_catalog.array_position(own.path, n.nspname::text) IS NOT NULL AS is_on_path
  FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       CROSS JOIN own
 WHERE c.relname = $2
   AND ($1::text IS NULL OR n.nspname = $1::text)
   AND c.relkind IN ('r', 'p')
   AND n.nspname NOT LIKE 'pg\_%'
   AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
 ORDER BY pg_catalog.array_position(own.path, n.nspname::text), n.nspname
