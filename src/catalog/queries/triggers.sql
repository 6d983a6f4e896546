-- The user's triggers; pgcleave's own have fixed names.
SELECT t.tgname AS name,
       pg_catalog.pg_get_triggerdef(t.oid) AS definition,
       t.tgenabled::text AS enabled,
       t.tgtype & 1 = 1 AS row_level,
       t.tgoldtable IS NOT NULL OR t.tgnewtable IS NOT NULL AS transition_tables,
       t.tgconstraint <> 0 AS is_constraint,
       d.description AS comment
  FROM pg_catalog.pg_trigger t
       LEFT JOIN pg_catalog.pg_description d
              ON d.classoid = 'pg_catalog.pg_trigger'::regclass AND d.objoid = t.oid
 WHERE t.tgrelid = $1
   AND NOT t.tgisinternal
   AND t.tgname NOT IN ('pgcleave_guard', '~pgcleave_moves', 'pgcleave_sync', 'pgcleave_sync_truncate',
                         'pgcleave_log_insert', 'pgcleave_log_update', 'pgcleave_log_delete',
                        'RI_pgcleave_reverse', 'pgcleave_reverse_truncate')
 ORDER BY t.tgname
