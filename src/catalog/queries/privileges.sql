-- What the connected role may do here.
SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owner_member,
       (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER) AS superuser,
       pg_catalog.has_schema_privilege(c.relnamespace, 'CREATE') AS create_on_schema,
       CASE WHEN h.oid IS NULL
            THEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
            WHEN NOT pg_catalog.has_schema_privilege(h.oid, 'USAGE') THEN false
            WHEN t.oid IS NULL THEN pg_catalog.has_schema_privilege(h.oid, 'CREATE')
            ELSE pg_catalog.has_table_privilege(t.oid, 'SELECT')
                 AND pg_catalog.has_table_privilege(t.oid, 'INSERT')
                 AND pg_catalog.has_table_privilege(t.oid, 'UPDATE')
                 AND pg_catalog.has_table_privilege(t.oid, 'DELETE') END AS history,
       -- Our functions act as the owner.
       (SELECT bool_and(pg_catalog.has_table_privilege(c.relowner, c.oid, p))
          FROM pg_catalog.unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p) AS owner_rights,
       (SELECT pg_catalog.string_agg(DISTINCT n.nspname::text, ', ')
          FROM pg_catalog.pg_index x
               CROSS JOIN pg_catalog.unnest(x.indclass::oid[]) AS k (opclass)
               JOIN pg_catalog.pg_opclass o ON o.oid = k.opclass
               JOIN pg_catalog.pg_namespace n ON n.oid IN (o.opcnamespace, c.relnamespace)
         WHERE x.indrelid = c.oid AND x.indisprimary
           AND NOT pg_catalog.has_schema_privilege(c.relowner, n.oid, 'USAGE')) AS schemas_hidden_from_owner,
       pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS read_all_stats,
       pg_catalog.row_security_active(c.oid) AS policies_bind_role,
       c.relrowsecurity AND c.relforcerowsecurity AND NOT o.rolsuper AND NOT o.rolbypassrls AS policies_bind_owner
  FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
       LEFT JOIN pg_catalog.pg_namespace h ON h.nspname = 'pgcleave'
       LEFT JOIN pg_catalog.pg_class t ON t.relnamespace = h.oid AND t.relname = 'history'
 WHERE c.oid = $1
