-- Functions and procedures that are bound to the table, or to a materialized view that goes over with it, by
-- more than a name in a string: the row type is in their signature, or they have a BEGIN ATOMIC body.
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
), row_types AS (
    SELECT t.oid FROM swapped s JOIN pg_catalog.pg_type t ON t.typrelid = s.oid
    UNION
    SELECT t.typarray FROM swapped s JOIN pg_catalog.pg_type t ON t.typrelid = s.oid AND t.typarray <> 0
), uses AS (
    SELECT d.objid
      FROM row_types t
           JOIN pg_catalog.pg_depend d
             ON d.refclassid = 'pg_catalog.pg_type'::regclass AND d.refobjid = t.oid
                AND d.classid = 'pg_catalog.pg_proc'::regclass
    UNION
    SELECT d.objid
      FROM swapped s
           JOIN pg_catalog.pg_depend d
             ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                AND d.classid = 'pg_catalog.pg_proc'::regclass
), bound AS (
    SELECT p.*, EXISTS (
               SELECT FROM row_types t
                WHERE t.oid = p.prorettype
                   OR t.oid = ANY (coalesce(p.proallargtypes, p.proargtypes::oid[]))) AS of_row_type
      FROM uses u
           JOIN pg_catalog.pg_proc p ON p.oid = u.objid
)
SELECT pg_catalog.jsonb_build_object(
           'signature', b.oid::regprocedure::text,
           'owner', pg_catalog.pg_get_userbyid(b.proowner),
           'definition', CASE WHEN b.prokind = 'a' THEN ''
                              ELSE pg_catalog.rtrim(pg_catalog.pg_get_functiondef(b.oid), E'\n') END,
           'row_type', b.of_row_type,
           'comment', pg_catalog.obj_description(b.oid, 'pg_proc'),
           'hindrance', CASE
               WHEN b.prokind = 'a' THEN 'it is an aggregate'
               WHEN NOT b.of_row_type THEN NULL
               ELSE coalesce(
                   (SELECT pg_catalog.string_agg(
                               pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), ', '
                               ORDER BY pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)) || ' needs it'
                      FROM pg_catalog.pg_depend d
                     WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.refobjid = b.oid
                       AND NOT (d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = b.oid)),
                   (SELECT 'it hangs on ' || pg_catalog.pg_describe_object(d.refclassid, d.refobjid, 0)
                      FROM pg_catalog.pg_depend d
                     WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = b.oid AND d.deptype IN ('e', 'x')
                     LIMIT 1),
                   (SELECT 'it has a security label' FROM pg_catalog.pg_seclabel l
                     WHERE l.classoid = 'pg_catalog.pg_proc'::regclass AND l.objoid = b.oid LIMIT 1),
                   (SELECT 'others than its owner have granted rights on it'
                      FROM pg_catalog.aclexplode(b.proacl) a WHERE a.grantor <> b.proowner LIMIT 1))
               END,
           'grants', (
               SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                          'grantee', CASE WHEN g.grantee <> 0 THEN pg_catalog.pg_get_userbyid(g.grantee) END,
                          'privilege', g.privilege_type,
                          'grantable', g.is_grantable,
                          'column', NULL)
                      ORDER BY g.grantee, g.privilege_type), '[]')
                 FROM pg_catalog.aclexplode(coalesce(b.proacl, pg_catalog.acldefault('f', b.proowner))) g))::text AS facts
  FROM bound b
 WHERE b.of_row_type OR b.prosqlbody IS NOT NULL
 ORDER BY b.oid::regprocedure::text COLLATE pg_catalog."C"
