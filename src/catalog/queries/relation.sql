-- One row: the relation itself.
SELECT c.oid,
       pg_catalog.current_setting('server_version_num')::integer AS server_version,
       c.relkind::text AS kind,
       c.relpersistence::text AS persistence,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner,
       d.description AS comment,
       pg_catalog.array_cat(
           coalesce(c.reloptions, '{}'),
           (SELECT coalesce(pg_catalog.array_agg('toast.' || o.option ORDER BY o.place), '{}')
              FROM pg_catalog.pg_class t
                   CROSS JOIN pg_catalog.unnest(t.reloptions) WITH ORDINALITY AS o (option, place)
             WHERE t.oid = c.reltoastrelid)) AS storage_parameters,
       s.spcname AS tablespace,
       a.amname AS access_method,
       c.relreplident::text AS replica_identity,
       (SELECT i.relname
          FROM pg_catalog.pg_index x
               JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
         WHERE x.indrelid = c.oid AND x.indisreplident) AS replica_index,
       c.relrowsecurity AS row_security,
       c.relforcerowsecurity AS row_security_forced
  FROM pg_catalog.pg_class c
       LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
       LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname <> 'heap'
       LEFT JOIN pg_catalog.pg_description d
              ON d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = 0
 WHERE c.oid = $1
