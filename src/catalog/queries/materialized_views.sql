-- Materialized views that read the table directly, and those that read such a one: each as the model has it.
WITH RECURSIVE swapped (oid, depth) AS (
    SELECT $1::oid, 0
    UNION
    SELECT m.oid, s.depth + 1
      FROM swapped s
           JOIN pg_catalog.pg_depend d
             ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                AND d.classid = 'pg_catalog.pg_rewrite'::regclass
           JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
           JOIN pg_catalog.pg_class m ON m.oid = r.ev_class AND m.relkind = 'm' AND m.oid <> s.oid
), deepest AS (
    SELECT s.oid, pg_catalog.max(s.depth) AS depth FROM swapped s WHERE s.depth > 0 GROUP BY s.oid
)
SELECT pg_catalog.jsonb_build_object(
           'name', pg_catalog.jsonb_build_object('schema', n.nspname, 'name', m.relname),
           'owner', pg_catalog.pg_get_userbyid(m.relowner),
           'definition', pg_catalog.rtrim(pg_catalog.pg_get_viewdef(m.oid), ';'),
           'populated', m.relispopulated,
           'depth', p.depth,
           'groups_by_key', EXISTS (
               SELECT FROM pg_catalog.pg_rewrite r
                      JOIN pg_catalog.pg_depend d
                        ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
                           AND d.refclassid = 'pg_catalog.pg_constraint'::regclass
                      JOIN pg_catalog.pg_constraint k ON k.oid = d.refobjid AND k.conrelid = $1
                WHERE r.ev_class = m.oid),
           'storage_parameters', (
               SELECT coalesce(pg_catalog.jsonb_agg(o.option), '[]')
                 FROM (SELECT pg_catalog.jsonb_build_object('name', o.name, 'value', o.value) AS option
                         FROM pg_catalog.pg_options_to_table(m.reloptions) AS o (name, value)
                       UNION ALL
                       SELECT pg_catalog.jsonb_build_object('name', 'toast.' || o.name, 'value', o.value)
                         FROM pg_catalog.pg_class t, pg_catalog.pg_options_to_table(t.reloptions) AS o (name, value)
                        WHERE t.oid = m.reltoastrelid) o),
           'tablespace', s.spcname,
           'access_method', a.amname,
           'comment', pg_catalog.obj_description(m.oid, 'pg_class'),
           'columns', (
               SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                          'name', c.attname,
                          'comment', pg_catalog.col_description(m.oid, c.attnum),
                          'statistics_target', nullif(c.attstattarget, -1),
                          'options', (SELECT coalesce(pg_catalog.jsonb_agg(
                                                 pg_catalog.jsonb_build_object('name', o.name, 'value', o.value)), '[]')
                                        FROM pg_catalog.pg_options_to_table(c.attoptions) AS o (name, value)))
                      ORDER BY c.attnum)
                 FROM pg_catalog.pg_attribute c
                WHERE c.attrelid = m.oid AND c.attnum > 0),
           'indexes', (
               SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                          'name', i.relname,
                          'unique', x.indisunique,
                          'using', pg_catalog.substr(
                              pg_catalog.pg_get_indexdef(x.indexrelid),
                              1 + pg_catalog.length(pg_catalog.format(
                                  'CREATE %sINDEX %I ON %I.%I', CASE WHEN x.indisunique THEN 'UNIQUE ' END,
                                  i.relname, n.nspname, m.relname))),
                          'tablespace', xs.spcname,
                          'clustered', x.indisclustered,
                          'comment', pg_catalog.obj_description(i.oid, 'pg_class'),
                          'statistics_targets', (
                              SELECT coalesce(pg_catalog.jsonb_agg(
                                         pg_catalog.jsonb_build_array(c.attnum, c.attstattarget) ORDER BY c.attnum), '[]')
                                FROM pg_catalog.pg_attribute c
                               WHERE c.attrelid = i.oid AND c.attstattarget >= 0))
                      ORDER BY i.relname), '[]')
                 FROM pg_catalog.pg_index x
                      JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
                      LEFT JOIN pg_catalog.pg_tablespace xs ON xs.oid = i.reltablespace
                WHERE x.indrelid = m.oid AND x.indisvalid),
           'grants', (
               SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                          'grantee', CASE WHEN g.grantee <> 0 THEN pg_catalog.pg_get_userbyid(g.grantee) END,
                          'privilege', g.privilege_type,
                          'grantable', g.is_grantable,
                          'column', g.attname)
                      ORDER BY g.attnum, g.grantee, g.privilege_type), '[]')
                 FROM (SELECT 0 AS attnum, NULL::name AS attname, x.*
                         FROM pg_catalog.aclexplode(m.relacl) x
                        -- The owner's own only where they were changed.
                        WHERE x.grantee <> m.relowner
                           OR (SELECT pg_catalog.array_agg(o.privilege_type ORDER BY o.privilege_type)
                                 FROM pg_catalog.aclexplode(m.relacl) o WHERE o.grantee = m.relowner)
                              IS DISTINCT FROM
                              (SELECT pg_catalog.array_agg(o.privilege_type ORDER BY o.privilege_type)
                                 FROM pg_catalog.aclexplode(pg_catalog.acldefault('r', m.relowner)) o)
                       UNION ALL
                       SELECT c.attnum, c.attname, x.*
                         FROM pg_catalog.pg_attribute c, pg_catalog.aclexplode(c.attacl) x
                        WHERE c.attrelid = m.oid) g))::text AS facts
  FROM deepest p
       JOIN pg_catalog.pg_class m ON m.oid = p.oid
       JOIN pg_catalog.pg_namespace n ON n.oid = m.relnamespace
       LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = m.reltablespace
       LEFT JOIN pg_catalog.pg_am a ON a.oid = m.relam AND a.amname <> 'heap'
 ORDER BY p.depth, n.nspname, m.relname
