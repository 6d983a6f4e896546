DO $pgcleave$
BEGIN
    IF NOT EXISTS (SELECT FROM {{ c.names.index_builds.sql() }})
       OR EXISTS (SELECT FROM {{ c.names.index_builds.sql() }} WHERE built < indexes) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'partitions lack indexes', HINT = 'run this step again: it goes on where it stopped';
    END IF;
END
$pgcleave$;
