-- What pg_cron calls each minute: it copies, and catches up once what build_indexes{% if !c.guards.is_empty() %} and create_guards{% endif %} makes is there. A run
-- ends before the next one is due: pg_cron queues a run for each minute that one takes, and in version 1.4, where
-- it runs jobs in background workers, it starts no other job meanwhile.
CREATE PROCEDURE {{ c.names.work.sql() }}()
LANGUAGE plpgsql
AS $pgcleave$
DECLARE
    state {{ c.names.state.sql() }};
BEGIN
    COMMIT; -- fails at once inside a transaction block, where batches could not commit
    SET LOCAL search_path = pg_catalog, pg_temp;
    PERFORM set_config('pgcleave.run_until',
        extract(epoch FROM date_trunc('minute', clock_timestamp()) + interval '59 seconds')::text, false);
    SELECT * INTO state FROM {{ c.names.state.sql() }};
    IF state.source_filenode IS NULL OR EXISTS (SELECT FROM {{ c.names.segments.sql() }} WHERE next_block < end_block) THEN
        CALL {{ c.names.copy_batches.sql() }}({{ c.batch_blocks.sql() }});
    ELSIF state.switch_xid IS NULL{% if !c.guards.is_empty() %} AND state.guards_created{% endif %} AND to_regproc({{ c.names.reverse.literal().sql() }}) IS NOT NULL THEN
        CALL {{ c.names.catch_up.sql() }}(500);
    END IF;
END
$pgcleave$;
ALTER PROCEDURE {{ c.names.work.sql() }}() OWNER TO {{ c.owner.sql() }};

{% include "fragment/revoke_functions.sql" %}

-- The job is this role's, as whom pg_cron connects.
{% include "fragment/schedule.sql" %}
