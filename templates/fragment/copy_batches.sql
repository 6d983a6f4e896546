-- Copies the source by block ranges, a transaction each, without row locks. Rows whose key is in the
-- change log are left to the catch-up. Goes on where it stopped; starts over if the source was rewritten.
-- Several sessions may run it at once: each takes a segment of the source that no other is at work on.
-- The size of a batch follows the time that the last one took.
CREATE PROCEDURE {{ c.names.copy_batches.sql() }}(first_batch_blocks bigint)
LANGUAGE plpgsql
AS $pgcleave$
#variable_conflict use_column
DECLARE
    source CONSTANT regclass := {{ c.names.source.literal().sql() }};
    worker int;
    pgcleave_blocks bigint := first_batch_blocks;
    pgcleave_settings {{ c.names.settings.sql() }};
    pgcleave_segment {{ c.names.segments.sql() }};
    pgcleave_last bigint;
    began timestamptz;
    copied bigint;
BEGIN
    COMMIT; -- fails at once inside a transaction block, where batches could not commit
    SET LOCAL search_path = pg_catalog, pg_temp;
    SET LOCAL row_security = off; -- a policy that would hide rows is an error
    worker := coalesce(nullif(current_setting('pgcleave.worker', true), '')::int, 0);
    IF worker = 0 AND EXISTS (SELECT FROM {{ c.names.settings.sql() }} WHERE max_replica_lag IS NOT NULL)
       AND EXISTS (SELECT FROM pg_stat_replication) AND NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN
        RAISE NOTICE 'the role % cannot see how far replicas lag (pg_read_all_stats): the copy does not wait for them', current_user;
    END IF;
    IF worker = 0 THEN
        UPDATE {{ c.names.state.sql() }} SET stop_requested = false;
    END IF;
    LOOP
        CALL {{ c.names.wait.sql() }}();
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED; -- whatever the session's default is
        SET LOCAL search_path = pg_catalog, pg_temp;
        SET LOCAL row_security = off; -- a policy that would hide rows is an error
        SET LOCAL lock_timeout = '5s';
        SET LOCAL plan_cache_mode = force_custom_plan; -- the change log grows; a plan made for an empty one is bad
        SELECT * INTO pgcleave_settings FROM {{ c.names.settings.sql() }};
        EXIT WHEN worker >= pgcleave_settings.jobs OR {% include "fragment/time_is_up.sql" %}
            OR (SELECT stop_requested OR switch_xid IS NOT NULL FROM {{ c.names.state.sql() }}); -- in step, there is nothing to copy
        -- Source before copy, as TRUNCATE locks them: the other order deadlocks.
        LOCK TABLE {{ c.names.source.sql() }} IN ACCESS SHARE MODE;
        PERFORM {{ c.names.check.sql() }}();
        IF (SELECT source_filenode IS DISTINCT FROM pg_relation_filenode(source) FROM {{ c.names.state.sql() }}) THEN
            -- The first batch, or VACUUM FULL, CLUSTER or TRUNCATE has moved every row: begin at block 0.
            -- Under the state's row lock, as another session may be about to do the same, or to switch.
            UPDATE {{ c.names.state.sql() }} SET source_filenode = pg_relation_filenode(source), count_milliseconds = NULL
             WHERE source_filenode IS DISTINCT FROM pg_relation_filenode(source) AND switch_xid IS NULL AND NOT stop_requested;
            IF FOUND THEN
                TRUNCATE {{ c.names.copy.sql() }};
                DELETE FROM {{ c.names.segments.sql() }};
                INSERT INTO {{ c.names.segments.sql() }} (first_block, end_block, next_block)
                SELECT first, least(first + width, blocks), first
                  FROM (SELECT blocks, greatest(least(2048, (blocks + 15) / 16), (blocks + 63) / 64, 16) AS width
                          FROM (SELECT pg_relation_size(source) / current_setting('block_size')::bigint AS blocks) s) w,
                       generate_series(0, blocks - 1, width) AS first;
            END IF;
            CONTINUE;
        END IF;
        SELECT * INTO pgcleave_segment FROM {{ c.names.segments.sql() }}
         WHERE next_block < end_block ORDER BY first_block LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            EXIT WHEN NOT EXISTS (SELECT FROM {{ c.names.segments.sql() }} WHERE next_block < end_block);
            COMMIT;
            PERFORM pg_catalog.pg_sleep(0.05); -- the others are at work on what is left, and one may fail
            CONTINUE;
        END IF;
        pgcleave_last := least(pgcleave_segment.next_block + pgcleave_blocks, pgcleave_segment.end_block);
        began := clock_timestamp();
        INSERT INTO {{ c.names.copy.sql() }} ({{ c.writable_columns.sql() }}) OVERRIDING SYSTEM VALUE
        SELECT {{ c.writable_columns.of("s") }}
          FROM ONLY {{ c.names.source.sql() }} s
         WHERE s.ctid >= format('(%s,0)', pgcleave_segment.next_block)::tid AND s.ctid < format('(%s,0)', pgcleave_last)::tid
           AND NOT EXISTS (SELECT FROM {{ c.names.log.sql() }} l WHERE {{ c.primary_key.equal("l", "s") }});
        GET DIAGNOSTICS copied = ROW_COUNT;
        UPDATE {{ c.names.segments.sql() }} SET next_block = pgcleave_last, rows_copied = rows_copied + copied
         WHERE first_block = pgcleave_segment.first_block;
        -- A batch that was cut short by its segment's end says nothing about the next one's size.
        IF pgcleave_last < pgcleave_segment.end_block OR clock_timestamp() - began > pgcleave_settings.batch_target THEN
            pgcleave_blocks := least(65536, greatest(1, pgcleave_blocks * least(2, greatest(0.25,
                extract(epoch FROM pgcleave_settings.batch_target)
                    / greatest(extract(epoch FROM clock_timestamp() - began), 0.0001)))::float8));
        END IF;
    END LOOP;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE {{ c.names.copy_batches.sql() }}(bigint) OWNER TO {{ c.owner.sql() }};
