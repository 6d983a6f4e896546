-- Everything that the catalog says of one table ($TABLE, a literal) and of what hangs on it, a line a
-- fact, names without object ids. What a partitioned table leaves to its partitions ("heap …") is read
-- from them. Guards and publish_via_partition_root are
-- announced, and tested where they are made. to_jsonb: columns that some versions lack.
WITH the AS (SELECT c.*, to_jsonb(c) AS j FROM pg_class c WHERE c.oid = $TABLE::regclass),
leaf AS (
    SELECT c.* FROM the, pg_partition_tree(the.oid) t JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf AND the.relkind = 'p'
    UNION ALL SELECT c.* FROM the JOIN pg_class c ON c.oid = the.oid WHERE the.relkind <> 'p'
),
attribute AS (
    SELECT a.*, to_jsonb(a) AS j,
           row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS place,
           (SELECT array_agg(o ORDER BY o) FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg\_%') AS options
      FROM pg_attribute a WHERE a.attnum > 0 AND NOT a.attisdropped
),
described AS (SELECT classoid, objoid, objsubid, description FROM pg_description),
stranger AS (
    SELECT oid FROM pg_namespace
     WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'pgcleave') AND nspname NOT LIKE 'pg\_%'
)
SELECT concat('table owner ', relowner::regrole, ' replica identity ', relreplident, ' row security ', relrowsecurity,
       ' forced ', relforcerowsecurity, ' tablespace ', reltablespace, ' comment ', obj_description(oid, 'pg_class'))
  FROM the
UNION ALL SELECT DISTINCT concat('heap owner ', relowner::regrole, ' replica identity ', relreplident, ' persistence ', relpersistence,
       ' tablespace ', reltablespace, ' method ', (SELECT amname FROM pg_am WHERE pg_am.oid = relam),
       ' options ', (SELECT array_agg(o ORDER BY o) FROM unnest(reloptions) o), ' toast ',
            (SELECT array_agg(o ORDER BY o) FROM pg_class t, unnest(t.reloptions) o WHERE t.oid = leaf.reltoastrelid))
  FROM leaf
UNION ALL SELECT concat('grant ', coalesce(g.grantee::regrole::text, ''), ' ', g.privilege_type, ' ', g.is_grantable, ' by ', g.grantor::regrole)
  FROM the, aclexplode(coalesce(relacl, acldefault('r', relowner))) g
UNION ALL SELECT concat('column ', a.place, ' ', a.attname, ' ', format_type(a.atttypid, a.atttypmod), ' not null ', a.attnotnull, ' collation ',
       a.attcollation::regcollation, ' identity ', a.attidentity, ' generated ', a.attgenerated, ' statistics ', coalesce(nullif(a.j ->> 'attstattarget', '-1'), 'default'),
       ' storage ', a.attstorage, ' compression ', a.attcompression, ' options ', a.options, ' grants ', (SELECT array_agg(g::text ORDER BY g::text) FROM unnest(a.attacl) g),
       ' comment ', col_description(a.attrelid, a.attnum), ' default ', pg_get_expr(d.adbin, d.adrelid))
  FROM the JOIN attribute a ON a.attrelid = the.oid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL SELECT DISTINCT concat('heap column ', a.attname, ' ', format_type(a.atttypid, a.atttypmod), ' not null ', a.attnotnull, ' collation ',
       a.attcollation::regcollation, ' generated ', a.attgenerated, ' statistics ', coalesce(nullif(a.j ->> 'attstattarget', '-1'), 'default'),
       ' storage ', a.attstorage, ' compression ', a.attcompression, ' options ', a.options,
       ' default ', CASE WHEN a.attidentity = '' THEN pg_get_expr(d.adbin, d.adrelid) END)
  FROM leaf JOIN attribute a ON a.attrelid = leaf.oid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL SELECT concat('sequence ', d.objid::regclass, ' ', d.deptype, ' of ', (SELECT attname FROM attribute a WHERE a.attrelid = the.oid AND a.attnum = d.refobjsubid),
       ' ', to_jsonb(s) - 'seqrelid', ' owner ', c.relowner::regrole, ' grants ', c.relacl, ' comment ', obj_description(c.oid, 'pg_class'))
  FROM the JOIN pg_depend d ON d.refobjid = the.oid AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  JOIN pg_sequence s ON s.seqrelid = d.objid JOIN pg_class c ON c.oid = d.objid
UNION ALL SELECT concat('constraint ', k.conname, ' ', pg_get_constraintdef(k.oid), ' validated ', k.convalidated, ' inherited ', k.coninhcount,
       ' comment ', obj_description(k.oid, 'pg_constraint'))
  FROM the JOIN pg_constraint k ON k.conrelid = the.oid WHERE k.contype <> 't' AND k.conparentid = 0
UNION ALL SELECT concat('index ', i.indexrelid::regclass, ' ', replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON '),
       ' valid ', i.indisvalid, ' replica identity ', i.indisreplident, ' statistics ',
       (SELECT string_agg(concat(a.attnum, '=', a.attstattarget), ' ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0),
       ' tablespace ', (SELECT s.spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace), ' comment ', obj_description(i.indexrelid, 'pg_class'))
  FROM the JOIN pg_index i ON i.indrelid = the.oid JOIN pg_class c ON c.oid = i.indexrelid
UNION ALL SELECT DISTINCT concat('heap clustered ', coalesce((SELECT inhparent FROM pg_inherits WHERE inhrelid = i.indexrelid), i.indexrelid)::regclass)
  FROM leaf JOIN pg_index i ON i.indrelid = leaf.oid WHERE i.indisclustered
UNION ALL SELECT concat('trigger ', pg_get_triggerdef(t.oid), ' enabled ', t.tgenabled, ' comment ', obj_description(t.oid, 'pg_trigger'))
  FROM the JOIN pg_trigger t ON t.tgrelid = the.oid WHERE NOT t.tgisinternal AND t.tgname NOT LIKE '%pgcleave%' AND t.tgname NOT LIKE '%\_guard%'
UNION ALL SELECT DISTINCT concat('heap trigger ', t.tgname, ' enabled ', t.tgenabled)
  FROM leaf JOIN pg_trigger t ON t.tgrelid = leaf.oid WHERE (NOT t.tgisinternal OR t.tgparentid <> 0) AND t.tgconstrrelid = 0 AND t.tgtype & 1 = 1 AND t.tgname NOT LIKE '%pgcleave%' AND t.tgname NOT LIKE '%\_guard%'
UNION ALL SELECT concat('policy ', to_jsonb(p) - '{oid,polrelid,polqual,polwithcheck,polroles}'::text[], ' on ', c.oid::regclass, ' roles ',
       (SELECT array_agg(r::regrole ORDER BY r) FROM unnest(p.polroles) r),
       ' using ', pg_get_expr(p.polqual, p.polrelid), ' check ', pg_get_expr(p.polwithcheck, p.polrelid), ' comment ', obj_description(p.oid, 'pg_policy'))
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relname NOT LIKE '%pgcleave%'
UNION ALL SELECT concat('rule ', pg_get_ruledef(r.oid), ' enabled ', r.ev_enabled, ' comment ', obj_description(r.oid, 'pg_rewrite'))
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN stranger ON stranger.oid = c.relnamespace
 WHERE r.rulename <> '_RETURN' AND c.relname NOT LIKE '%pgcleave%'
UNION ALL SELECT concat('publication ', p.pubname, ' columns ', to_jsonb(r) ->> 'prattrs', ' where ', to_jsonb(r) ->> 'prqual' IS NOT NULL, ' ', to_jsonb(p) - '{oid,pubowner,pubviaroot}'::text[])
  FROM the JOIN pg_publication_rel r ON r.prrelid = the.oid JOIN pg_publication p ON p.oid = r.prpubid
UNION ALL SELECT concat('statistics ', pg_get_statisticsobjdef(s.oid), ' target ', coalesce(nullif(to_jsonb(s) ->> 'stxstattarget', '-1'), 'default'),
       ' owner ', s.stxowner::regrole, ' comment ', obj_description(s.oid, 'pg_statistic_ext'))
  FROM the JOIN pg_statistic_ext s ON s.stxrelid = the.oid
UNION ALL SELECT concat('label ', l.provider, ' ', l.objsubid, ' ', l.label) FROM the JOIN pg_seclabel l ON l.objoid = the.oid AND l.classoid = 'pg_class'::regclass
UNION ALL SELECT concat('view ', c.oid::regclass, ' ', c.relkind, ' ', pg_get_viewdef(c.oid), ' options ', c.reloptions, ' owner ', c.relowner::regrole, ' grants ', (SELECT array_agg(g::text ORDER BY g::text) FROM unnest(coalesce(c.relacl, acldefault('r', c.relowner))) g),
       ' populated ', c.relispopulated, ' tablespace ', (SELECT s.spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace), ' comment ', obj_description(c.oid, 'pg_class'),
       ' columns ', (SELECT string_agg(concat(a.attname, (SELECT array_agg(g::text ORDER BY g::text) FROM unnest(a.attacl) g), ' ', col_description(c.oid, a.attnum), ' ', a.j ->> 'attstattarget'), ',' ORDER BY a.attnum) FROM attribute a WHERE a.attrelid = c.oid),
       ' indexes ', (SELECT string_agg(concat(pg_get_indexdef(i.indexrelid), obj_description(i.indexrelid, 'pg_class')), ';' ORDER BY i.indexrelid::regclass::text) FROM pg_index i WHERE i.indrelid = c.oid),
       ' triggers ', (SELECT string_agg(pg_get_triggerdef(t.oid), ';' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid))
  FROM pg_class c JOIN stranger ON stranger.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND c.relname NOT LIKE '%pgcleave%'
UNION ALL SELECT concat('function ', pg_get_functiondef(p.oid), ' owner ', p.proowner::regrole, ' grants ', (SELECT array_agg(g::text ORDER BY g::text) FROM unnest(coalesce(p.proacl, acldefault('f', p.proowner))) g), ' comment ', obj_description(p.oid, 'pg_proc'))
  FROM pg_proc p JOIN stranger ON stranger.oid = p.pronamespace WHERE p.prokind IN ('f', 'p') AND p.proname NOT LIKE '%pgcleave%' AND p.proname NOT LIKE '%\_guard\_%'
UNION ALL SELECT concat('row type of ', c.oid::regclass, '.', a.attname)
  FROM the JOIN pg_type t ON t.typrelid = the.oid JOIN attribute a ON a.atttypid IN (t.oid, t.typarray) JOIN pg_class c ON c.oid = a.attrelid
ORDER BY 1
