-- Copies the source by block ranges, a transaction each, without row locks. Rows whose key is in the
-- change log are left to the catch-up. Goes on where it stopped; starts over if the source was rewritten.
CREATE PROCEDURE {{ c.names.copy_batches.sql() }}(blocks_per_batch bigint)
LANGUAGE plpgsql
AS $pgcleave$
#variable_conflict use_column
DECLARE
    source CONSTANT regclass := {{ c.names.source.literal().sql() }};
    position_filenode oid;
    pgcleave_first bigint;
    pgcleave_last bigint;
    stop boolean;
    copied bigint;
BEGIN
    COMMIT; -- fails at once inside a transaction block, where batches could not commit
    UPDATE {{ c.names.state.sql() }} SET stop_requested = false;
    LOOP
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED; -- whatever the session's default is
        SET LOCAL search_path = pg_catalog, pg_temp;
        SET LOCAL lock_timeout = '5s';
        SET LOCAL plan_cache_mode = force_custom_plan; -- the change log grows; a plan made for an empty one is bad
        -- Source before copy, as TRUNCATE locks them: the other order deadlocks.
        LOCK TABLE {{ c.names.source.sql() }} IN ACCESS SHARE MODE;
        PERFORM {{ c.names.check.sql() }}();
        SELECT source_filenode, next_block, end_block, stop_requested
          INTO position_filenode, pgcleave_first, pgcleave_last, stop
          FROM {{ c.names.state.sql() }} FOR UPDATE;
        EXIT WHEN stop OR pgcleave_first >= pgcleave_last;
        IF position_filenode IS DISTINCT FROM pg_relation_filenode(source) THEN
            -- The first batch, or VACUUM FULL, CLUSTER or TRUNCATE has moved every row: begin at block 0.
            TRUNCATE {{ c.names.copy.sql() }};
            UPDATE {{ c.names.state.sql() }} SET
                source_filenode = pg_relation_filenode(source), next_block = 0, rows_copied = 0,
                end_block = pg_relation_size(source) / current_setting('block_size')::bigint;
            CONTINUE;
        END IF;
        pgcleave_last := least(pgcleave_first + blocks_per_batch, pgcleave_last);
        INSERT INTO {{ c.names.copy.sql() }} ({{ c.writable_columns.sql() }}) OVERRIDING SYSTEM VALUE
        SELECT {{ c.writable_columns.of("s") }}
          FROM ONLY {{ c.names.source.sql() }} s
         WHERE s.ctid >= format('(%s,0)', pgcleave_first)::tid AND s.ctid < format('(%s,0)', pgcleave_last)::tid
           AND NOT EXISTS (SELECT FROM {{ c.names.log.sql() }} l WHERE {{ c.primary_key.equal("l", "s") }});
        GET DIAGNOSTICS copied = ROW_COUNT;
        UPDATE {{ c.names.state.sql() }} SET next_block = pgcleave_last, rows_copied = rows_copied + copied;
    END LOOP;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE {{ c.names.copy_batches.sql() }}(bigint) OWNER TO {{ c.owner.sql() }};
