-- Builds the indexes of each partition of the copy, the largest partition first, so that the copy's own need only be put
-- together of them. Several sessions may run it at once: each takes a partition that no other is at work on, so that two
-- indexes of one partition never compete for a name. Commits about once in a batch's time; goes on where it stopped.
CREATE PROCEDURE {{ c.names.build_partition_indexes.sql() }}()
LANGUAGE plpgsql
AS $pgcleave$
#variable_conflict use_column
DECLARE
    heads CONSTANT text[] := ARRAY[
{%- for (head, _) in c.partition_index_builds %}
        {{ head.sql() }}{% if !loop.last %},{% endif %}
{%- endfor %}
    ];
    tails CONSTANT text[] := ARRAY[
{%- for (_, tail) in c.partition_index_builds %}
        {{ tail.sql() }}{% if !loop.last %},{% endif %}
{%- endfor %}
    ];
    helpers CONSTANT text := pg_catalog.current_setting('max_parallel_maintenance_workers');
    worker int;
    pgcleave_settings {{ c.names.settings.sql() }};
    pgcleave_build {{ c.names.index_builds.sql() }};
    began timestamptz;
BEGIN
    COMMIT; -- fails at once inside a transaction block, where builds could not commit
    SET LOCAL search_path = pg_catalog, pg_temp;
    worker := coalesce(nullif(current_setting('pgcleave.worker', true), '')::int, 0);
    IF worker = 0 THEN
        IF NOT EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE source_filenode IS NOT NULL)
           OR EXISTS (SELECT FROM {{ c.names.segments.sql() }} WHERE next_block < end_block) THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = 'the batch copy is not complete', HINT = {% include "fragment/finish_the_copy.sql" %};
        END IF;
        UPDATE {{ c.names.state.sql() }} SET stop_requested = false;
        INSERT INTO {{ c.names.index_builds.sql() }} (partition, bytes, indexes)
        SELECT relid, pg_relation_size(relid), cardinality(heads) FROM pg_partition_tree({{ c.names.copy.literal().sql() }}) WHERE isleaf
        ON CONFLICT DO NOTHING;
    END IF;
    LOOP
        CALL {{ c.names.wait.sql() }}();
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED; -- whatever the session's default is
        SET LOCAL search_path = pg_catalog, pg_temp;
        SET LOCAL row_security = off; -- a policy that would hide rows is an error
        SET LOCAL lock_timeout = '5s';
        SELECT * INTO pgcleave_settings FROM {{ c.names.settings.sql() }};
        EXIT WHEN worker >= pgcleave_settings.jobs OR {% include "fragment/time_is_up.sql" %}
            OR (SELECT stop_requested OR switch_xid IS NOT NULL FROM {{ c.names.state.sql() }});
        began := clock_timestamp();
        LOOP
            SELECT * INTO pgcleave_build FROM {{ c.names.index_builds.sql() }}
             WHERE built < indexes ORDER BY bytes DESC, partition LIMIT 1 FOR UPDATE SKIP LOCKED;
            EXIT WHEN NOT FOUND;
            -- Helpers of the server's own only where there is less to do than there are sessions.
            PERFORM set_config('max_parallel_maintenance_workers',
                CASE WHEN pgcleave_settings.jobs > 1
                      AND (SELECT count(*) FROM {{ c.names.index_builds.sql() }} WHERE built < indexes) >= pgcleave_settings.jobs
                     THEN '0' ELSE helpers END, true);
            EXECUTE heads[pgcleave_build.built + 1] || pgcleave_build.partition::regclass || tails[pgcleave_build.built + 1];
            UPDATE {{ c.names.index_builds.sql() }} SET built = built + 1 WHERE partition = pgcleave_build.partition;
            EXIT WHEN clock_timestamp() - began > pgcleave_settings.batch_target;
        END LOOP;
        CONTINUE WHEN FOUND;
        EXIT WHEN NOT EXISTS (SELECT FROM {{ c.names.index_builds.sql() }} WHERE built < indexes);
        COMMIT;
        PERFORM pg_catalog.pg_sleep(0.05); -- the others are at work on what is left, and one may fail
    END LOOP;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE {{ c.names.build_partition_indexes.sql() }}() OWNER TO {{ c.owner.sql() }};
