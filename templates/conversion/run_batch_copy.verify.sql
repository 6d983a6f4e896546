DO $pgcleave$
BEGIN
    IF NOT EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE source_filenode IS NOT NULL)
       OR EXISTS (SELECT FROM {{ c.names.segments.sql() }} WHERE next_block < end_block) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the batch copy is not complete', HINT = 'run this step again: it goes on where it stopped';
    END IF;
END
$pgcleave$;
