(SELECT string_agg(mark, ' ' ORDER BY mark)
       FROM (SELECT format('%s %s %s', tgname, tgenabled, xmin) AS mark FROM pg_trigger
              WHERE tgrelid = {{ c.names.source.literal().sql() }}::regclass
                AND tgname IN ('pgcleave_log_insert', 'pgcleave_log_update', 'pgcleave_log_delete', 'pgcleave_sync', 'pgcleave_sync_truncate')
             UNION ALL
             SELECT format('%s %s', proname, xmin) FROM pg_proc
              WHERE oid IN ({{ c.log_keys_signature.sql() }}::regprocedure, {{ c.sync_signature.sql() }}::regprocedure)) marks)