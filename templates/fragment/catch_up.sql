-- Drains the change log page by page until little is left. The size of a page follows the time that the
-- last one took.
CREATE PROCEDURE {{ c.names.catch_up.sql() }}(little bigint)
LANGUAGE plpgsql
AS $pgcleave$
DECLARE
    page bigint := 20000; -- nothing here is looked up: the search_path is the session's still
    taken bigint;
    stop boolean;
    began timestamptz;
BEGIN
    COMMIT; -- fails at once inside a transaction block, where pages could not commit
    UPDATE {{ c.names.state.sql() }} SET stop_requested = false;
    COMMIT;
    ANALYZE {{ c.names.log.sql() }};
    -- Not by build_indexes, so that the change log is drained as soon as the indexes are there.
    IF (SELECT count_milliseconds IS NULL FROM {{ c.names.state.sql() }}) THEN
        ANALYZE {{ c.names.copy.sql() }};
    END IF;
    LOOP
        CALL {{ c.names.wait.sql() }}();
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; -- one snapshot for a page
        SET LOCAL search_path = pg_catalog, pg_temp;
        SET LOCAL row_security = off; -- a policy that would hide rows is an error
        SET LOCAL lock_timeout = '5s';
        -- Before the snapshot: a page of another catch-up's, or the switch, must not be half done in it.
        LOCK TABLE {{ c.names.settings.sql() }} IN SHARE UPDATE EXCLUSIVE MODE;
        LOCK TABLE {{ c.names.source.sql() }} IN ACCESS SHARE MODE;
        PERFORM {{ c.names.check.sql() }}();
        IF EXISTS (SELECT FROM {{ c.names.segments.sql() }} WHERE next_block < end_block)
           OR NOT EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE source_filenode IS NOT NULL AND switch_xid IS NULL) THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = 'the batch copy is not complete, or the copy is in step already',
                HINT = 'see where the conversion stands: pgcleave status';
        END IF;
        SELECT coalesce(stop_requested OR {% include "fragment/time_is_up.sql" %}, false) INTO stop
          FROM {{ c.names.state.sql() }};
        EXIT WHEN stop;
        began := clock_timestamp();
        taken := {{ c.names.drain.sql() }}(page);
        EXIT WHEN taken <= little;
        page := least(200000, greatest(200, page * least(2, greatest(0.25,
            (SELECT extract(epoch FROM batch_target) FROM {{ c.names.settings.sql() }})
                / greatest(extract(epoch FROM clock_timestamp() - began), 0.0001)))::float8));
    END LOOP;
    COMMIT;
    IF stop THEN
        RETURN;
    END IF;
    -- How long counting takes decides whether the switch may count with writers blocked. The first catch-up says
    -- it: others may follow each minute.
    SET LOCAL search_path = pg_catalog, pg_temp;
    SET LOCAL row_security = off; -- a policy that would hide rows is an error
    IF (SELECT count_milliseconds IS NULL FROM {{ c.names.state.sql() }}) THEN
        began := clock_timestamp();
        PERFORM (SELECT count(*) FROM ONLY {{ c.names.source.sql() }}), (SELECT count(*) FROM {{ c.names.copy.sql() }});
        UPDATE {{ c.names.state.sql() }} SET count_milliseconds = extract(epoch FROM clock_timestamp() - began) * 1000;
    END IF;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE {{ c.names.catch_up.sql() }}(bigint) OWNER TO {{ c.owner.sql() }};
