-- Whatever else pg_depend names: kinds that we neither carry nor refuse by name.
WITH RECURSIVE materialized AS (
    SELECT $1::oid AS oid
    UNION
    SELECT m.oid
      FROM materialized s
           JOIN pg_catalog.pg_depend d
             ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                AND d.classid = 'pg_catalog.pg_rewrite'::regclass
           JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
           JOIN pg_catalog.pg_class m ON m.oid = r.ev_class AND m.relkind = 'm'
), row_types AS (
    SELECT t.oid FROM pg_catalog.pg_type t WHERE t.typrelid = $1
    UNION
    SELECT t.typarray FROM pg_catalog.pg_type t WHERE t.typrelid = $1 AND t.typarray <> 0
), keys AS (
    -- A view that groups by the primary key hangs on the constraint.
    SELECT k.oid FROM pg_catalog.pg_constraint k WHERE k.conrelid = $1 AND k.contype IN ('p', 'u')
), uses AS (
    SELECT d.* FROM pg_catalog.pg_depend d
     WHERE d.refclassid = 'pg_catalog.pg_type'::regclass
       AND d.refobjid IN (SELECT t.oid FROM row_types t)
       AND NOT (d.classid = 'pg_catalog.pg_type'::regclass
                AND d.objid IN (SELECT t.oid FROM row_types t))
       -- Views and rules stand by themselves, a table's columns too.
       AND NOT d.classid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_rewrite'::regclass)
       -- Functions with the type in their signature or with a body in SQL too.
       AND NOT (d.classid = 'pg_catalog.pg_proc'::regclass AND EXISTS (
                SELECT FROM pg_catalog.pg_proc p
                 WHERE p.oid = d.objid
                   AND (p.prosqlbody IS NOT NULL OR d.refobjid = p.prorettype
                        OR d.refobjid = ANY (coalesce(p.proallargtypes, p.proargtypes::oid[])))))
    UNION ALL
    SELECT d.* FROM pg_catalog.pg_depend d
     WHERE d.refclassid = 'pg_catalog.pg_constraint'::regclass
       AND d.refobjid IN (SELECT k.oid FROM keys k)
       AND d.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_proc'::regclass)
       -- Of views and materialized views it is known whether they do; of rules it isn't.
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite r
                        WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid AND r.rulename = '_RETURN')
    UNION ALL
    -- Of the materialized views that go over with the table.
    SELECT d.* FROM materialized m
           JOIN pg_catalog.pg_type t ON t.typrelid = m.oid
           JOIN pg_catalog.pg_depend d
             ON (d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = m.oid)
                OR (d.refclassid = 'pg_catalog.pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray))
     WHERE m.oid <> $1
       AND d.classid NOT IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_policy'::regclass)
       AND NOT (d.classid = 'pg_catalog.pg_type'::regclass AND d.objid IN (t.oid, t.typarray))
       AND NOT (d.classid = 'pg_catalog.pg_class'::regclass AND EXISTS (
                SELECT FROM pg_catalog.pg_class c WHERE c.oid = d.objid AND c.relkind IN ('i', 't')))
       AND NOT (d.classid = 'pg_catalog.pg_proc'::regclass AND EXISTS (
                SELECT FROM pg_catalog.pg_proc p
                 WHERE p.oid = d.objid
                   AND (p.prosqlbody IS NOT NULL OR d.refobjid = p.prorettype
                        OR d.refobjid = ANY (coalesce(p.proallargtypes, p.proargtypes::oid[])))))
    UNION ALL
    SELECT d.* FROM pg_catalog.pg_depend d
     WHERE d.refclassid = 'pg_catalog.pg_class'::regclass
       AND d.refobjid = $1
       AND CASE d.classid
           WHEN 'pg_catalog.pg_class'::regclass THEN d.objid <> $1 AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_class c
                 WHERE c.oid = d.objid
                   AND (c.relkind IN ('i', 'I', 't') OR c.relispartition
                        OR EXISTS (SELECT FROM pg_catalog.pg_inherits h
                                    WHERE h.inhrelid = c.oid AND h.inhparent = $1)
                        -- Sequences go with the columns that own them: columns.sql.
                        OR (c.relkind = 'S' AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'))))
           WHEN 'pg_catalog.pg_constraint'::regclass THEN NOT EXISTS (
                SELECT FROM pg_catalog.pg_constraint k
                 WHERE k.oid = d.objid AND (k.conrelid = $1 OR k.contype = 'f'))
           WHEN 'pg_catalog.pg_trigger'::regclass THEN NOT EXISTS (
                SELECT FROM pg_catalog.pg_trigger t
                 WHERE t.oid = d.objid AND (t.tgrelid = $1 OR t.tgisinternal))
           WHEN 'pg_catalog.pg_attrdef'::regclass THEN NOT EXISTS (
                SELECT FROM pg_catalog.pg_attrdef f WHERE f.oid = d.objid AND f.adrelid = $1)
           WHEN 'pg_catalog.pg_proc'::regclass THEN NOT EXISTS (
                SELECT FROM pg_catalog.pg_proc p WHERE p.oid = d.objid AND p.prosqlbody IS NOT NULL)
           WHEN 'pg_catalog.pg_type'::regclass THEN NOT EXISTS (
                SELECT FROM pg_catalog.pg_type t
                 WHERE t.oid = d.objid AND t.typrelid = $1)
           ELSE d.classid NOT IN ('pg_catalog.pg_rewrite'::regclass,
                                  'pg_catalog.pg_policy'::regclass,
                                  'pg_catalog.pg_statistic_ext'::regclass,
                                  'pg_catalog.pg_publication_rel'::regclass)
           END
)
SELECT DISTINCT 'other' AS kind,
       CASE WHEN u.refclassid = 'pg_catalog.pg_constraint'::regclass AND r.oid IS NOT NULL
            THEN pg_catalog.format('rule %I on %I.%I (groups by the table''s key)', r.rulename, n.nspname, v.relname)
            ELSE pg_catalog.format('%s %s', o.type, o.identity) END AS name
  FROM uses u
       CROSS JOIN pg_catalog.pg_identify_object(u.classid, u.objid, u.objsubid) o
       LEFT JOIN pg_catalog.pg_rewrite r
              ON u.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = u.objid
       LEFT JOIN pg_catalog.pg_class v ON v.oid = r.ev_class
       LEFT JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace
 -- PostgreSQL 14 pins its own tables by entries without a dependent.
 WHERE u.classid <> 0
