-- md5 of the table's structure. The same text runs inside SQL functions that
-- the migrations install, with the table as $1. The caller sets search_path to
-- pg_catalog, pg_temp and pins TimeZone, DateStyle, IntervalStyle,
-- extra_float_digits, bytea_output and quote_all_identifiers: constants in
-- definitions are printed by them.
WITH RECURSIVE swapped AS (
    -- The table and the materialized views that go over with it.
    SELECT $1::oid AS oid
    UNION
    SELECT m.oid
      FROM swapped s
           JOIN pg_catalog.pg_depend d
             ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                AND d.classid = 'pg_catalog.pg_rewrite'::regclass
           JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
           JOIN pg_catalog.pg_class m ON m.oid = r.ev_class AND m.relkind = 'm'
)
SELECT pg_catalog.md5(pg_catalog.jsonb_build_object(
    'table', pg_catalog.jsonb_build_array(
        c.relkind::text, c.relpersistence::text, pg_catalog.pg_get_userbyid(c.relowner)::text,
        c.relrowsecurity, c.relforcerowsecurity, c.relreplident::text,
        (SELECT i.relname::text
           FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
          WHERE x.indrelid = c.oid AND x.indisreplident)),
    'columns', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
                   (SELECT pg_catalog.format('%I.%I', n.nspname, o.collname)
                      FROM pg_catalog.pg_collation o
                           JOIN pg_catalog.pg_namespace n ON n.oid = o.collnamespace
                     WHERE o.oid = a.attcollation),
                   a.attnotnull,
                   EXISTS (SELECT FROM pg_catalog.pg_constraint k
                            WHERE k.conrelid = a.attrelid AND k.contype = 'n'
                              AND k.conkey[1] = a.attnum AND NOT k.convalidated),
                   (SELECT pg_catalog.pg_get_expr(f.adbin, f.adrelid)
                      FROM pg_catalog.pg_attrdef f
                     WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum),
                   a.attidentity::text, a.attgenerated::text) ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'constraints', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   k.conname::text, pg_catalog.pg_get_constraintdef(k.oid), k.convalidated)
                   ORDER BY k.conname::text COLLATE pg_catalog."C", k.oid)
          FROM pg_catalog.pg_constraint k
         WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'f', 'x', 'n') AND k.conparentid = 0),
    'indexes', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   i.relname::text, pg_catalog.pg_get_indexdef(i.oid), x.indisvalid)
                   ORDER BY i.relname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
         WHERE x.indrelid = c.oid),
    'triggers', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled::text)
                   ORDER BY t.tgname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_trigger t
         WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
           AND t.tgname NOT IN ('pgcleave_guard', '~pgcleave_moves', 'pgcleave_sync', 'pgcleave_sync_truncate',
                                'pgcleave_log_insert', 'pgcleave_log_update', 'pgcleave_log_delete',
                                'RI_pgcleave_reverse', 'pgcleave_reverse_truncate')),
    'policies', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   p.polname::text, p.polcmd::text, p.polpermissive,
                   (SELECT pg_catalog.jsonb_agg(CASE WHEN r.oid = 0 THEN 'public'
                                                     ELSE pg_catalog.pg_get_userbyid(r.oid)::text END
                                                ORDER BY pg_catalog.pg_get_userbyid(r.oid)::text
                                                         COLLATE pg_catalog."C")
                      FROM pg_catalog.unnest(p.polroles) AS r (oid)),
                   pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                   pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
                   ORDER BY p.polname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_policy p
         WHERE p.polrelid = c.oid),
    'foreign_policies', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   p.polrelid::regclass::text, p.polname::text, pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                   pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
                   ORDER BY p.polrelid::regclass::text COLLATE pg_catalog."C", p.polname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_policy p
         WHERE p.polrelid <> c.oid
           AND p.oid IN (SELECT d.objid
                           FROM swapped s
                                JOIN pg_catalog.pg_depend d
                                  ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                          WHERE d.classid = 'pg_catalog.pg_policy'::regclass)),
    'rules', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   pg_catalog.pg_get_ruledef(r.oid), r.ev_enabled::text)
                   ORDER BY pg_catalog.pg_get_ruledef(r.oid) COLLATE pg_catalog."C")
          FROM pg_catalog.pg_rewrite r
         WHERE r.rulename <> '_RETURN'
           AND (r.ev_class = c.oid
                OR r.oid IN (SELECT d.objid
                               FROM swapped s
                                    JOIN pg_catalog.pg_depend d
                                      ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                              WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass))),
    'views', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   n.nspname::text, v.relname::text, v.relkind::text, v.reloptions, pg_catalog.pg_get_viewdef(v.oid))
                   ORDER BY n.nspname::text COLLATE pg_catalog."C", v.relname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_class v
               JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace
         WHERE v.oid <> c.oid
           AND v.oid IN (SELECT r.ev_class
                           FROM swapped s
                                JOIN pg_catalog.pg_depend d
                                  ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid
                                JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'
                          WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass)),
    'labels', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(l.objsubid, l.provider, l.label)
                   ORDER BY l.objsubid, l.provider COLLATE pg_catalog."C")
          FROM pg_catalog.pg_seclabel l
         WHERE l.classoid = 'pg_catalog.pg_class'::regclass AND l.objoid = c.oid),
    'publications', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(pg_catalog.to_jsonb(p), pg_catalog.to_jsonb(t))
                   ORDER BY p.pubname::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_publication_rel l
               JOIN pg_catalog.pg_publication p ON p.oid = l.prpubid
               LEFT JOIN pg_catalog.pg_publication_tables t
                      ON t.pubname = p.pubname AND t.schemaname = (SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = c.relnamespace)
                         AND t.tablename = c.relname
         WHERE l.prrelid = c.oid),
    'routines', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   p.oid::regprocedure::text, pg_catalog.pg_get_userbyid(p.proowner)::text,
                   ARRAY(SELECT a::text COLLATE pg_catalog."C"
                           FROM pg_catalog.unnest(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a ORDER BY 1),
                   pg_catalog.pg_get_functiondef(p.oid)) ORDER BY p.oid::regprocedure::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_proc p
         WHERE p.prokind <> 'a'
           AND p.oid IN (SELECT d.objid
                           FROM swapped s
                                JOIN pg_catalog.pg_class r ON r.oid = s.oid
                                JOIN pg_catalog.pg_type t ON t.oid = r.reltype
                                CROSS JOIN LATERAL (VALUES ('pg_catalog.pg_class'::regclass::oid, s.oid),
                                                           ('pg_catalog.pg_type'::regclass::oid, t.oid),
                                                           ('pg_catalog.pg_type'::regclass::oid, t.typarray)) AS o (classid, oid)
                                JOIN pg_catalog.pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.oid
                          WHERE d.classid = 'pg_catalog.pg_proc'::regclass)),
    'indexes_of_materialized_views', (
        SELECT pg_catalog.jsonb_agg(pg_catalog.pg_get_indexdef(x.indexrelid)
                   ORDER BY pg_catalog.pg_get_indexdef(x.indexrelid) COLLATE pg_catalog."C")
          FROM swapped s
               JOIN pg_catalog.pg_index x ON x.indrelid = s.oid
         WHERE s.oid <> c.oid)
    )::text) AS fingerprint
  FROM pg_catalog.pg_class c
 WHERE c.oid = $1::oid
