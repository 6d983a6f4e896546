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
    IF (SELECT sync_marks FROM {{ c.names.state.sql() }}) IS DISTINCT FROM
    {% include "fragment/sync_marks.sql" %} THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the sync trigger of ' || {{ c.label.sql() }} || ' was switched off or changed for a while: changes may be missing from the copy',
            HINT = 'roll back to the start (pgcleave rollback) and copy again';
    END IF;
END
$pgcleave$;
ALTER FUNCTION {{ c.names.check.sql() }}() OWNER TO {{ c.owner.sql() }};
