-- Drains the change log page by page until little is left.
CREATE PROCEDURE {{ c.names.catch_up.sql() }}(little bigint)
LANGUAGE plpgsql
AS $pgcleave$
DECLARE
    taken bigint;
    stop boolean;
    began timestamptz;
BEGIN
    COMMIT; -- fails at once inside a transaction block, where pages could not commit
    UPDATE {{ c.names.state.sql() }} SET stop_requested = false;
    COMMIT;
    ANALYZE {{ c.names.log.sql() }};
    LOOP
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; -- one snapshot for a page
        SET LOCAL search_path = pg_catalog, pg_temp;
        SET LOCAL lock_timeout = '5s';
        LOCK TABLE {{ c.names.source.sql() }} IN ACCESS SHARE MODE;
        PERFORM {{ c.names.check.sql() }}();
        IF NOT EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE next_block >= end_block AND switch_xid IS NULL) THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = 'the batch copy is not complete, or the copy is in step already',
                HINT = 'see where the conversion stands: pgcleave status';
        END IF;
        taken := {{ c.names.drain.sql() }}(20000);
        SELECT stop_requested INTO stop FROM {{ c.names.state.sql() }};
        EXIT WHEN stop OR taken <= little;
    END LOOP;
    COMMIT;
    -- How long counting takes decides whether the switch may count with writers blocked.
    began := clock_timestamp();
    PERFORM (SELECT count(*) FROM ONLY {{ c.names.source.sql() }}), (SELECT count(*) FROM {{ c.names.copy.sql() }});
    UPDATE {{ c.names.state.sql() }} SET count_milliseconds = extract(epoch FROM clock_timestamp() - began) * 1000;
END
$pgcleave$;
ALTER PROCEDURE {{ c.names.catch_up.sql() }}(bigint) OWNER TO {{ c.owner.sql() }};
