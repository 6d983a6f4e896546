-- DISABLE and ENABLE TRIGGER, or a replaced function, leave their trace only in xmin.
UPDATE {{ c.names.state.sql() }} SET
    trigger_xmin = (SELECT xmin FROM pg_trigger WHERE tgname = 'pgcleave_sync'
                    AND tgrelid = {{ c.names.source.literal().sql() }}::regclass),
    function_xmin = (SELECT xmin FROM pg_proc WHERE oid = {{ c.sync_signature.sql() }}::regprocedure);
