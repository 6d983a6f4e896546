-- What the connected role, or the owner as whom our functions act, will need later on and doesn't have.
WITH RECURSIVE readers AS (
    SELECT r.ev_class AS oid, d.refobjid AS source
      FROM pg_catalog.pg_depend d
           JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
     WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION
    SELECT p.polrelid, d.refobjid
      FROM pg_catalog.pg_depend d
           JOIN pg_catalog.pg_policy p ON p.oid = d.objid
     WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
), above AS (
    -- Whatever reads the table or a materialized view on it: relations_above.sql.
    SELECT e.oid FROM readers e WHERE e.source = $1
    UNION
    SELECT e.oid
      FROM above a
           JOIN pg_catalog.pg_class m ON m.oid = a.oid AND m.relkind = 'm'
           JOIN readers e ON e.source = a.oid
)
SELECT 'references' AS what, k.confrelid::pg_catalog.regclass::text AS name
  FROM pg_catalog.pg_constraint k
 WHERE k.conrelid = $1 AND k.contype = 'f' AND NOT pg_catalog.has_table_privilege(k.confrelid, 'REFERENCES')
UNION
SELECT 'child', c.oid::pg_catalog.regclass::text
  FROM pg_catalog.pg_constraint k
       JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
 WHERE k.confrelid = $1 AND k.contype = 'f' AND k.conparentid = 0 AND c.oid <> $1
   AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
UNION
SELECT 'execute', t.tgfoid::pg_catalog.regprocedure::text
  FROM pg_catalog.pg_trigger t
 WHERE t.tgrelid = $1 AND NOT t.tgisinternal AND NOT pg_catalog.has_function_privilege(t.tgfoid, 'EXECUTE')
UNION
SELECT 'relation_above',
       pg_catalog.concat(CASE v.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' ELSE 'table ' END,
                         v.oid::pg_catalog.regclass)
  FROM above a
       JOIN pg_catalog.pg_class v ON v.oid = a.oid
 WHERE v.oid <> $1 AND NOT pg_catalog.pg_has_role(v.relowner, 'USAGE')
UNION
-- A materialized view is made beside the old one and given to its owner.
SELECT 'create_in_schema', pg_catalog.format('%s in the schema %I', r.rolname, n.nspname)
  FROM above a
       JOIN pg_catalog.pg_class m ON m.oid = a.oid AND m.relkind = 'm'
       JOIN pg_catalog.pg_namespace n ON n.oid = m.relnamespace
       JOIN pg_catalog.pg_roles r
         ON r.rolname = CURRENT_USER
            OR (r.oid = m.relowner AND NOT (SELECT u.rolsuper FROM pg_catalog.pg_roles u WHERE u.rolname = CURRENT_USER))
 WHERE NOT pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE')
UNION
-- A function on the row type is dropped and made again, a BEGIN ATOMIC body replaced.
SELECT 'routine', p.oid::pg_catalog.regprocedure::text
  FROM (SELECT $1::oid AS oid UNION SELECT a.oid FROM above a JOIN pg_catalog.pg_class m ON m.oid = a.oid AND m.relkind = 'm') s
       JOIN pg_catalog.pg_type t ON t.typrelid = s.oid
       JOIN pg_catalog.pg_depend d
         ON (d.refclassid, d.refobjid) IN (('pg_catalog.pg_class'::pg_catalog.regclass, s.oid),
                                           ('pg_catalog.pg_type'::pg_catalog.regclass, t.oid),
                                           ('pg_catalog.pg_type'::pg_catalog.regclass, t.typarray))
            AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
       JOIN pg_catalog.pg_proc p ON p.oid = d.objid
 WHERE NOT (SELECT u.rolsuper FROM pg_catalog.pg_roles u WHERE u.rolname = CURRENT_USER)
   AND NOT (pg_catalog.pg_has_role(p.proowner, 'USAGE')
            AND pg_catalog.has_schema_privilege(p.pronamespace, 'CREATE')
            AND pg_catalog.has_schema_privilege(p.proowner, p.pronamespace, 'CREATE')
            AND pg_catalog.has_language_privilege(p.prolang, 'USAGE')
            AND NOT p.proleakproof)
UNION
SELECT 'publication', pg_catalog.quote_ident(p.pubname)
  FROM pg_catalog.pg_publication_rel l
       JOIN pg_catalog.pg_publication p ON p.oid = l.prpubid
 WHERE l.prrelid = $1 AND NOT pg_catalog.pg_has_role(p.pubowner, 'USAGE')
UNION
SELECT 'owner_create', n.nspname::text
  FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1 AND NOT pg_catalog.has_schema_privilege(c.relowner, n.oid, 'CREATE')
   AND c.relowner <> (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)
   AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)
 ORDER BY 1, 2
