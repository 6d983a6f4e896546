DO $pgcleave$
BEGIN
    IF NOT EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE count_milliseconds IS NOT NULL AND NOT stop_requested) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the catch-up is not complete', HINT = 'run this step again: it goes on where it stopped';
    END IF;
END
$pgcleave$;
