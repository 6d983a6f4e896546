-- What this database has of pg_cron, and what the connected role may do with it. Only who may read all
-- settings sees those of pg_cron, which are there once its library is loaded.
SELECT e.extversion AS version,
       pg_catalog.string_to_array(pg_catalog.split_part(e.extversion, '-', 1), '.')::int[] < '{1,4}' AS too_old,
       pg_catalog.string_to_array(pg_catalog.split_part(e.extversion, '-', 1), '.')::int[] < '{1,5}' AS workers_block,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usable,
       NOT pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')
       OR EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'cron.database_name') AS loaded
  FROM pg_catalog.pg_extension e
       JOIN pg_catalog.pg_namespace n ON n.nspname = 'cron'
 WHERE e.extname = 'pg_cron'
