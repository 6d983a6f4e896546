-- Fails when the table's structure has changed, or when a trigger of ours was touched meanwhile.
CREATE FUNCTION {{ c.names.check.sql() }}() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $pgcleave$
DECLARE
    source CONSTANT regclass := {{ c.names.source.literal().sql() }};
BEGIN
    IF {{ c.names.fingerprint.sql() }}(source) <> {{ c.fingerprint.sql() }} THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the structure of ' || {{ c.label.sql() }} || ' has changed since the conversion began',
            HINT = 'undo the change, or roll back (pgcleave rollback), generate again and start over';
    END IF;
    IF (SELECT count(*) FROM pg_trigger t, {{ c.names.state.sql() }} s
        WHERE t.tgrelid = source AND t.tgname IN ('pgcleave_sync', 'pgcleave_sync_truncate')
          AND t.tgenabled = 'A' AND t.xmin = s.trigger_xmin) <> 2
       OR NOT EXISTS (SELECT FROM pg_proc p, {{ c.names.state.sql() }} s
        WHERE p.oid = {{ c.sync_signature.sql() }}::regprocedure AND p.xmin = s.function_xmin) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the sync trigger of ' || {{ c.label.sql() }} || ' was switched off or changed for a while: changes may be missing from the copy',
            HINT = 'roll back to the start (pgcleave rollback) and copy again';
    END IF;
END
$pgcleave$;
ALTER FUNCTION {{ c.names.check.sql() }}() OWNER TO {{ c.owner.sql() }};
