DO $pgcleave$
BEGIN
    PERFORM {{ c.names.check.sql() }}();
    IF NOT EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE switch_xid IS NOT NULL) THEN
        RAISE EXCEPTION 'the copy is not kept in step';
    END IF;
END
$pgcleave$;
