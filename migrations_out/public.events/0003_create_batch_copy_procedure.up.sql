-- 0003_create_batch_copy_procedure.up.sql: Create the procedures that copy and catch up
-- Table: public.events
-- Lock: none on the source table
-- Takes: milliseconds
-- Undo: the down file drops the procedures
-- Hazards: none
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

-- Waits between two batches, as long as the settings say so; holds no lock and no snapshot meanwhile.
-- The settings table may be changed at any time, by an UPDATE or by pgcleave throttle. A session that has set
-- pgcleave.run_until (seconds since 1970) neither waits nor copies beyond that.
CREATE PROCEDURE "public"."events_pgcleave_wait"()
LANGUAGE plpgsql
AS $pgcleave$
DECLARE
    settings "public"."events_pgcleave_settings";
    reason text;
    figure numeric;
    answer boolean;
    slept boolean := false;
BEGIN
    LOOP
        COMMIT;
        SET LOCAL search_path = pg_catalog, pg_temp;
        SELECT * INTO settings FROM "public"."events_pgcleave_settings";
        EXIT WHEN (SELECT stop_requested FROM "public"."events_pgcleave_state")
            OR extract(epoch FROM clock_timestamp()) > nullif(current_setting('pgcleave.run_until', true), '')::numeric;
        IF NOT slept THEN
            slept := true;
            PERFORM pg_sleep(settings.sleep_milliseconds / 1000.0);
            CONTINUE; -- for the settings may have changed meanwhile
        END IF;
        reason := settings.paused_by;
        IF reason IS NULL AND settings.max_replica_lag IS NOT NULL THEN
            SELECT format('replica %s lags by %s s, over %s s', application_name, round(extract(epoch FROM replay_lag), 1),
                          round(extract(epoch FROM settings.max_replica_lag), 1))
              INTO reason FROM pg_stat_replication WHERE replay_lag > settings.max_replica_lag ORDER BY replay_lag DESC LIMIT 1;
        END IF;
        IF reason IS NULL AND settings.max_retained_wal IS NOT NULL THEN
            SELECT format('replication slot %s retains %s of WAL, over %s', slot_name, pg_size_pretty(bytes),
                          pg_size_pretty(settings.max_retained_wal::numeric))
              INTO reason
              FROM (SELECT slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) AS bytes FROM pg_replication_slots) s
             WHERE bytes > settings.max_retained_wal ORDER BY bytes DESC LIMIT 1;
        END IF;
        IF reason IS NULL AND settings.max_active_sessions IS NOT NULL THEN
            PERFORM pg_stat_clear_snapshot();
            SELECT count(*) INTO figure FROM pg_stat_activity
             WHERE state = 'active' AND backend_type = 'client backend' AND application_name <> 'pgcleave' AND pid <> pg_backend_pid();
            IF figure > settings.max_active_sessions THEN
                reason := format('%s sessions are active, over %s', figure, settings.max_active_sessions);
            END IF;
        END IF;
        IF reason IS NULL AND settings.throttle_query IS NOT NULL THEN
            EXECUTE settings.throttle_query INTO answer;
            IF answer THEN
                reason := format('the query %s says so', settings.throttle_query);
            END IF;
        END IF;
        EXIT WHEN reason IS NULL;
        UPDATE "public"."events_pgcleave_state" SET waiting_for = reason WHERE waiting_for IS DISTINCT FROM reason;
        COMMIT;
        PERFORM pg_sleep(0.3);
    END LOOP;
    UPDATE "public"."events_pgcleave_state" SET waiting_for = NULL WHERE waiting_for IS NOT NULL;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE "public"."events_pgcleave_wait"() OWNER TO "postgres";

-- Copies the source by block ranges, a transaction each, without row locks. Rows whose key is in the
-- change log are left to the catch-up. Goes on where it stopped; starts over if the source was rewritten.
-- Several sessions may run it at once: each takes a segment of the source that no other is at work on.
-- The size of a batch follows the time that the last one took.
CREATE PROCEDURE "public"."events_pgcleave_copy_batches"(first_batch_blocks bigint)
LANGUAGE plpgsql
AS $pgcleave$
#variable_conflict use_column
DECLARE
    source CONSTANT regclass := '"public"."events"';
    worker int;
    pgcleave_blocks bigint := first_batch_blocks;
    pgcleave_settings "public"."events_pgcleave_settings";
    pgcleave_segment "public"."events_pgcleave_segments";
    pgcleave_last bigint;
    began timestamptz;
    copied bigint;
BEGIN
    COMMIT; -- fails at once inside a transaction block, where batches could not commit
    SET LOCAL search_path = pg_catalog, pg_temp;
    SET LOCAL row_security = off; -- a policy that would hide rows is an error
    worker := coalesce(nullif(current_setting('pgcleave.worker', true), '')::int, 0);
    IF worker = 0 AND EXISTS (SELECT FROM "public"."events_pgcleave_settings" WHERE max_replica_lag IS NOT NULL)
       AND EXISTS (SELECT FROM pg_stat_replication) AND NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN
        RAISE NOTICE 'the role % cannot see how far replicas lag (pg_read_all_stats): the copy does not wait for them', current_user;
    END IF;
    IF worker = 0 THEN
        UPDATE "public"."events_pgcleave_state" SET stop_requested = false;
    END IF;
    LOOP
        CALL "public"."events_pgcleave_wait"();
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED; -- whatever the session's default is
        SET LOCAL search_path = pg_catalog, pg_temp;
        SET LOCAL row_security = off; -- a policy that would hide rows is an error
        SET LOCAL lock_timeout = '5s';
        SET LOCAL plan_cache_mode = force_custom_plan; -- the change log grows; a plan made for an empty one is bad
        SELECT * INTO pgcleave_settings FROM "public"."events_pgcleave_settings";
        EXIT WHEN worker >= pgcleave_settings.jobs OR extract(epoch FROM clock_timestamp()) > nullif(current_setting('pgcleave.run_until', true), '')::numeric
            OR (SELECT stop_requested OR switch_xid IS NOT NULL FROM "public"."events_pgcleave_state"); -- in step, there is nothing to copy
        -- Source before copy, as TRUNCATE locks them: the other order deadlocks.
        LOCK TABLE "public"."events" IN ACCESS SHARE MODE;
        PERFORM "public"."events_pgcleave_check"();
        IF (SELECT source_filenode IS DISTINCT FROM pg_relation_filenode(source) FROM "public"."events_pgcleave_state") THEN
            -- The first batch, or VACUUM FULL, CLUSTER or TRUNCATE has moved every row: begin at block 0.
            -- Under the state's row lock, as another session may be about to do the same, or to switch.
            UPDATE "public"."events_pgcleave_state" SET source_filenode = pg_relation_filenode(source), count_milliseconds = NULL
             WHERE source_filenode IS DISTINCT FROM pg_relation_filenode(source) AND switch_xid IS NULL AND NOT stop_requested;
            IF FOUND THEN
                TRUNCATE "public"."events_pgcleave_copy";
                DELETE FROM "public"."events_pgcleave_segments";
                INSERT INTO "public"."events_pgcleave_segments" (first_block, end_block, next_block)
                SELECT first, least(first + width, blocks), first
                  FROM (SELECT blocks, greatest(least(2048, (blocks + 15) / 16), (blocks + 63) / 64, 16) AS width
                          FROM (SELECT pg_relation_size(source) / current_setting('block_size')::bigint AS blocks) s) w,
                       generate_series(0, blocks - 1, width) AS first;
            END IF;
            CONTINUE;
        END IF;
        SELECT * INTO pgcleave_segment FROM "public"."events_pgcleave_segments"
         WHERE next_block < end_block ORDER BY first_block LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            EXIT WHEN NOT EXISTS (SELECT FROM "public"."events_pgcleave_segments" WHERE next_block < end_block);
            COMMIT;
            PERFORM pg_catalog.pg_sleep(0.05); -- the others are at work on what is left, and one may fail
            CONTINUE;
        END IF;
        pgcleave_last := least(pgcleave_segment.next_block + pgcleave_blocks, pgcleave_segment.end_block);
        began := clock_timestamp();
        INSERT INTO "public"."events_pgcleave_copy" ("id", "account_id", "payload", "created_at") OVERRIDING SYSTEM VALUE
        SELECT s."id", s."account_id", s."payload", s."created_at"
          FROM ONLY "public"."events" s
         WHERE s.ctid >= format('(%s,0)', pgcleave_segment.next_block)::tid AND s.ctid < format('(%s,0)', pgcleave_last)::tid
           AND NOT EXISTS (SELECT FROM "public"."events_pgcleave_log" l WHERE l."id" OPERATOR("pg_catalog".=) s."id");
        GET DIAGNOSTICS copied = ROW_COUNT;
        UPDATE "public"."events_pgcleave_segments" SET next_block = pgcleave_last, rows_copied = rows_copied + copied
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
ALTER PROCEDURE "public"."events_pgcleave_copy_batches"(bigint) OWNER TO "postgres";

-- Builds the indexes of each partition of the copy, the largest partition first, so that the copy's own need only be put
-- together of them. Several sessions may run it at once: each takes a partition that no other is at work on, so that two
-- indexes of one partition never compete for a name. Commits about once in a batch's time; goes on where it stopped.
CREATE PROCEDURE "public"."events_pgcleave_build_partition_indexes"()
LANGUAGE plpgsql
AS $pgcleave$
#variable_conflict use_column
DECLARE
    heads CONSTANT text[] := ARRAY[
        'ALTER TABLE ',
        'CREATE INDEX ON '
    ];
    tails CONSTANT text[] := ARRAY[
        ' ADD PRIMARY KEY ("id", "created_at")',
        ' USING btree (created_at)'
    ];
    helpers CONSTANT text := pg_catalog.current_setting('max_parallel_maintenance_workers');
    worker int;
    pgcleave_settings "public"."events_pgcleave_settings";
    pgcleave_build "public"."events_pgcleave_index_builds";
    began timestamptz;
BEGIN
    COMMIT; -- fails at once inside a transaction block, where builds could not commit
    SET LOCAL search_path = pg_catalog, pg_temp;
    worker := coalesce(nullif(current_setting('pgcleave.worker', true), '')::int, 0);
    IF worker = 0 THEN
        IF NOT EXISTS (SELECT FROM "public"."events_pgcleave_state" WHERE source_filenode IS NOT NULL)
           OR EXISTS (SELECT FROM "public"."events_pgcleave_segments" WHERE next_block < end_block) THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = 'the batch copy is not complete', HINT = 'run the step run_batch_copy again: it goes on where it stopped';
        END IF;
        UPDATE "public"."events_pgcleave_state" SET stop_requested = false;
        INSERT INTO "public"."events_pgcleave_index_builds" (partition, bytes, indexes)
        SELECT relid, pg_relation_size(relid), cardinality(heads) FROM pg_partition_tree('"public"."events_pgcleave_copy"') WHERE isleaf
        ON CONFLICT DO NOTHING;
    END IF;
    LOOP
        CALL "public"."events_pgcleave_wait"();
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED; -- whatever the session's default is
        SET LOCAL search_path = pg_catalog, pg_temp;
        SET LOCAL row_security = off; -- a policy that would hide rows is an error
        SET LOCAL lock_timeout = '5s';
        SELECT * INTO pgcleave_settings FROM "public"."events_pgcleave_settings";
        EXIT WHEN worker >= pgcleave_settings.jobs OR extract(epoch FROM clock_timestamp()) > nullif(current_setting('pgcleave.run_until', true), '')::numeric
            OR (SELECT stop_requested OR switch_xid IS NOT NULL FROM "public"."events_pgcleave_state");
        began := clock_timestamp();
        LOOP
            SELECT * INTO pgcleave_build FROM "public"."events_pgcleave_index_builds"
             WHERE built < indexes ORDER BY bytes DESC, partition LIMIT 1 FOR UPDATE SKIP LOCKED;
            EXIT WHEN NOT FOUND;
            -- Helpers of the server's own only where there is less to do than there are sessions.
            PERFORM set_config('max_parallel_maintenance_workers',
                CASE WHEN pgcleave_settings.jobs > 1
                      AND (SELECT count(*) FROM "public"."events_pgcleave_index_builds" WHERE built < indexes) >= pgcleave_settings.jobs
                     THEN '0' ELSE helpers END, true);
            EXECUTE heads[pgcleave_build.built + 1] || pgcleave_build.partition::regclass || tails[pgcleave_build.built + 1];
            UPDATE "public"."events_pgcleave_index_builds" SET built = built + 1 WHERE partition = pgcleave_build.partition;
            EXIT WHEN clock_timestamp() - began > pgcleave_settings.batch_target;
        END LOOP;
        CONTINUE WHEN FOUND;
        EXIT WHEN NOT EXISTS (SELECT FROM "public"."events_pgcleave_index_builds" WHERE built < indexes);
        COMMIT;
        PERFORM pg_catalog.pg_sleep(0.05); -- the others are at work on what is left, and one may fail
    END LOOP;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE "public"."events_pgcleave_build_partition_indexes"() OWNER TO "postgres";

-- Takes a page of primary keys (all of them for NULL) with all their entries from the change log and
-- brings their rows in the copy to what the source holds now. Returns the number of entries taken.
-- Its statements must see one snapshot: call it in a REPEATABLE READ transaction, or with the source
-- locked against writers. A page of 0 does nothing but have the session plan the statements.
-- Planned once a session, as planning takes long with many partitions, and by index, row by row: what was written
-- lately is in memory, and a page is little of the table.
CREATE FUNCTION "public"."events_pgcleave_drain"(pgcleave_page bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off
    SET plan_cache_mode = force_generic_plan SET random_page_cost = 1 SET enable_hashjoin = off SET enable_mergejoin = off
AS $pgcleave$
#variable_conflict use_column
DECLARE
    taken bigint;
BEGIN
    IF pgcleave_page IS DISTINCT FROM 0 THEN
        DELETE FROM "public"."events_pgcleave_truncations";
        IF FOUND THEN
            -- Whatever the source holds now was written after its TRUNCATE, and is in the change log.
            TRUNCATE "public"."events_pgcleave_copy";
        END IF;
    END IF;
    BEGIN
        DELETE FROM "public"."events_pgcleave_copy" c
         USING "public"."events_pgcleave_log" l,
               (SELECT DISTINCT "id" FROM "public"."events_pgcleave_log"
                 ORDER BY "id" LIMIT pgcleave_page) k
         WHERE l."id" OPERATOR("pg_catalog".=) k."id" AND c."id" OPERATOR("pg_catalog".=) l."id" AND c."created_at" OPERATOR("pg_catalog".<=) l."created_at" AND c."created_at" OPERATOR("pg_catalog".>=) l."created_at";
        INSERT INTO "public"."events_pgcleave_copy" ("id", "account_id", "payload", "created_at") OVERRIDING SYSTEM VALUE
        SELECT s."id", s."account_id", s."payload", s."created_at"
          FROM ONLY "public"."events" s
          JOIN (SELECT DISTINCT "id" FROM "public"."events_pgcleave_log"
                 ORDER BY "id" LIMIT pgcleave_page) k ON s."id" OPERATOR("pg_catalog".=) k."id";
    EXCEPTION WHEN unique_violation OR exclusion_violation THEN
        -- Two rows have exchanged values of a unique key or an exclusion constraint, and only one of them is on this page.
        IF pgcleave_page IS NULL THEN
            RAISE;
        END IF;
        RETURN "public"."events_pgcleave_drain"(NULL);
    END;
    DELETE FROM "public"."events_pgcleave_log" l
     USING (SELECT DISTINCT "id" FROM "public"."events_pgcleave_log"
             ORDER BY "id" LIMIT pgcleave_page) k
     WHERE l."id" OPERATOR("pg_catalog".=) k."id";
    GET DIAGNOSTICS taken = ROW_COUNT;
    RETURN taken;
END
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_drain"(bigint) OWNER TO "postgres";

-- Drains the change log page by page until little is left. The size of a page follows the time that the
-- last one took.
CREATE PROCEDURE "public"."events_pgcleave_catch_up"(little bigint)
LANGUAGE plpgsql
AS $pgcleave$
DECLARE
    page bigint := 20000; -- nothing here is looked up: the search_path is the session's still
    taken bigint;
    stop boolean;
    began timestamptz;
BEGIN
    COMMIT; -- fails at once inside a transaction block, where pages could not commit
    UPDATE "public"."events_pgcleave_state" SET stop_requested = false;
    COMMIT;
    ANALYZE "public"."events_pgcleave_log";
    -- Not by build_indexes, so that the change log is drained as soon as the indexes are there.
    IF (SELECT count_milliseconds IS NULL FROM "public"."events_pgcleave_state") THEN
        ANALYZE "public"."events_pgcleave_copy";
    END IF;
    LOOP
        CALL "public"."events_pgcleave_wait"();
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; -- one snapshot for a page
        SET LOCAL search_path = pg_catalog, pg_temp;
        SET LOCAL row_security = off; -- a policy that would hide rows is an error
        SET LOCAL lock_timeout = '5s';
        -- Before the snapshot: a page of another catch-up's, or the switch, must not be half done in it.
        LOCK TABLE "public"."events_pgcleave_settings" IN SHARE UPDATE EXCLUSIVE MODE;
        LOCK TABLE "public"."events" IN ACCESS SHARE MODE;
        PERFORM "public"."events_pgcleave_check"();
        IF EXISTS (SELECT FROM "public"."events_pgcleave_segments" WHERE next_block < end_block)
           OR NOT EXISTS (SELECT FROM "public"."events_pgcleave_state" WHERE source_filenode IS NOT NULL AND switch_xid IS NULL) THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = 'the batch copy is not complete, or the copy is in step already',
                HINT = 'see where the conversion stands: pgcleave status';
        END IF;
        SELECT coalesce(stop_requested OR extract(epoch FROM clock_timestamp()) > nullif(current_setting('pgcleave.run_until', true), '')::numeric, false) INTO stop
          FROM "public"."events_pgcleave_state";
        EXIT WHEN stop;
        began := clock_timestamp();
        taken := "public"."events_pgcleave_drain"(page);
        EXIT WHEN taken <= little;
        page := least(200000, greatest(200, page * least(2, greatest(0.25,
            (SELECT extract(epoch FROM batch_target) FROM "public"."events_pgcleave_settings")
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
    IF (SELECT count_milliseconds IS NULL FROM "public"."events_pgcleave_state") THEN
        began := clock_timestamp();
        PERFORM (SELECT count(*) FROM ONLY "public"."events"), (SELECT count(*) FROM "public"."events_pgcleave_copy");
        UPDATE "public"."events_pgcleave_state" SET count_milliseconds = extract(epoch FROM clock_timestamp() - began) * 1000;
    END IF;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE "public"."events_pgcleave_catch_up"(bigint) OWNER TO "postgres";

-- A mark of the source's structure and storage: it changes with every DDL, undone or not, and with every
-- rewrite. A verification counts for the mark that it was made under, and for no other.
CREATE FUNCTION "public"."events_pgcleave_mark"(regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $pgcleave$
    SELECT md5(concat_ws(' ', pg_relation_filenode($1),
        (SELECT string_agg(concat(attnum, ':', xmin), ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = $1 AND attnum > 0),
        (SELECT string_agg(concat(oid, ':', xmin), ' ' ORDER BY oid) FROM pg_constraint WHERE conrelid = $1),
        (SELECT string_agg(concat(oid, ':', xmin), ' ' ORDER BY oid) FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal)))
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_mark"(regclass) OWNER TO "postgres";

-- Compares both tables in one snapshot: rows, and two independent 64-bit checksums of every whole row,
-- per part of the table. Sums, not XOR, in which equal pairs would cancel out. Keys still in the change log are
-- left out while there is one. After the cutover it compares the new table
-- with the retired one.
-- clock_timestamp() stands there because it is volatile: so the planner doesn't make a row's form once for each
-- hash, and may still use parallel workers, which OFFSET 0 would rule out.
CREATE FUNCTION "public"."events_pgcleave_compare"()
RETURNS TABLE (partition text, source_rows bigint, copy_rows bigint, source_sum text, copy_sum text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1
    SET client_encoding = 'UTF8' -- on which a row's binary form depends
AS $pgcleave$
DECLARE
    other CONSTANT regclass := coalesce(to_regclass('"public"."events_pgcleave_retired"'), to_regclass('"public"."events_pgcleave_copy"'));
    settled text := '';
BEGIN
    IF EXISTS (SELECT FROM "public"."events_pgcleave_state" WHERE switch_xid IS NULL) THEN
        IF EXISTS (SELECT FROM "public"."events_pgcleave_truncations") THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = 'a TRUNCATE waits in the change log: nothing can be compared yet', HINT = 'run the step catch_up first';
        END IF;
        settled := $pgcleave_text$
            WHERE NOT EXISTS (SELECT FROM "public"."events_pgcleave_log" l WHERE l."id" OPERATOR("pg_catalog".=) t."id")$pgcleave_text$;
    END IF;
    RETURN QUERY EXECUTE $pgcleave_text$
        WITH names AS (
            SELECT name, ordinality - 1 AS bucket
              FROM unnest(ARRAY['events_default (before)', 'events_p2025_11', 'events_p2025_12', 'events_p2026_01', 'events_p2026_02', 'events_p2026_03', 'events_default (after)']::text[]) WITH ORDINALITY AS n (name, ordinality)
        ), source AS (
            SELECT bucket, count(*) AS n, concat(sum(hash_record_extended(ROW(r.row), 0)), ' ', sum(hash_record_extended(ROW(r.row), 1))) AS h
              FROM (SELECT pg_catalog.width_bucket(t."created_at", ARRAY['2025-11-01 00:00:00+00:00', '2025-12-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00', '2026-02-01 00:00:00+00:00', '2026-03-01 00:00:00+00:00', '2026-04-01 00:00:00+00:00']::pg_catalog."timestamptz"[]) AS bucket, pg_catalog.record_send(ROW(t."id", t."account_id", t."payload", t."created_at")) AS row, clock_timestamp()
                      FROM "public"."events" t$pgcleave_text$ || settled || $pgcleave_text$) r GROUP BY 1
        ), copy AS (
            SELECT bucket, count(*) AS n, concat(sum(hash_record_extended(ROW(r.row), 0)), ' ', sum(hash_record_extended(ROW(r.row), 1))) AS h
              FROM (SELECT pg_catalog.width_bucket(t."created_at", ARRAY['2025-11-01 00:00:00+00:00', '2025-12-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00', '2026-02-01 00:00:00+00:00', '2026-03-01 00:00:00+00:00', '2026-04-01 00:00:00+00:00']::pg_catalog."timestamptz"[]) AS bucket, pg_catalog.record_send(ROW(t."id", t."account_id", t."payload", t."created_at")) AS row, clock_timestamp()
                      FROM $pgcleave_text$ || other || $pgcleave_text$ t$pgcleave_text$ || settled || $pgcleave_text$) r GROUP BY 1
        )
        SELECT names.name, coalesce(source.n, 0), coalesce(copy.n, 0), coalesce(source.h, '0 0'), coalesce(copy.h, '0 0')
          FROM names LEFT JOIN source USING (bucket) LEFT JOIN copy USING (bucket)
         ORDER BY bucket$pgcleave_text$;
END
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_compare"() OWNER TO "postgres";

-- Brings one key's rows on the following side to what the leading side holds now. Not part of a
-- conversion: `pgcleave verify --repair` calls it where an invariant broke. Its statements must see one
-- snapshot: call it in a REPEATABLE READ transaction, and try again after 40001 or 23505.
CREATE FUNCTION "public"."events_pgcleave_repair"(pgcleave_key "public"."events_pgcleave_log") RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
#variable_conflict use_column
BEGIN
    PERFORM set_config('pgcleave.repair', 'on', true); -- the guard of the retired table lets this transaction pass
    IF to_regclass('"public"."events_pgcleave_retired"') IS NOT NULL THEN
        PERFORM FROM "public"."events" s WHERE s."id" OPERATOR("pg_catalog".=) pgcleave_key."id" FOR SHARE;
        UPDATE "public"."events_pgcleave_retired" r SET ("id", "account_id", "payload", "created_at") = ROW(s."id", s."account_id", s."payload", s."created_at")
          FROM "public"."events" s
         WHERE r."id" OPERATOR("pg_catalog".=) pgcleave_key."id" AND s."id" OPERATOR("pg_catalog".=) pgcleave_key."id";
        INSERT INTO "public"."events_pgcleave_retired" ("id", "account_id", "payload", "created_at") OVERRIDING SYSTEM VALUE
        SELECT s."id", s."account_id", s."payload", s."created_at" FROM "public"."events" s
         WHERE s."id" OPERATOR("pg_catalog".=) pgcleave_key."id"
           AND NOT EXISTS (SELECT FROM "public"."events_pgcleave_retired" r WHERE r."id" OPERATOR("pg_catalog".=) pgcleave_key."id");
        DELETE FROM "public"."events_pgcleave_retired" r
         WHERE r."id" OPERATOR("pg_catalog".=) pgcleave_key."id"
           AND NOT EXISTS (SELECT FROM "public"."events" s WHERE s."id" OPERATOR("pg_catalog".=) pgcleave_key."id");
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM "public"."events_pgcleave_state" WHERE switch_xid IS NULL) THEN
        -- The next catch-up deletes and reads again whatever stands in the change log.
        INSERT INTO "public"."events_pgcleave_log" SELECT (pgcleave_key).*;
        INSERT INTO "public"."events_pgcleave_log" SELECT c."id", c."created_at"
          FROM "public"."events_pgcleave_copy" c WHERE c."id" OPERATOR("pg_catalog".=) pgcleave_key."id";
        RETURN;
    END IF;
    -- The lock keeps a writer from changing the row between our reading it and its copy's being right.
    PERFORM FROM ONLY "public"."events" s WHERE s."id" OPERATOR("pg_catalog".=) pgcleave_key."id" FOR SHARE;
    DELETE FROM "public"."events_pgcleave_copy" c WHERE c."id" OPERATOR("pg_catalog".=) pgcleave_key."id";
    INSERT INTO "public"."events_pgcleave_copy" ("id", "account_id", "payload", "created_at") OVERRIDING SYSTEM VALUE
    SELECT s."id", s."account_id", s."payload", s."created_at"
      FROM ONLY "public"."events" s WHERE s."id" OPERATOR("pg_catalog".=) pgcleave_key."id";
END
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_repair"("public"."events_pgcleave_log") OWNER TO "postgres";

-- Adds the table's foreign keys to the copy without a long lock on the referenced tables: not valid on
-- each partition, validated there, then adopted by the parent without a scan. From PostgreSQL 18 on the
-- parent itself can have them not valid.
CREATE PROCEDURE "public"."events_pgcleave_add_foreign_keys"()
LANGUAGE plpgsql
AS $pgcleave$
DECLARE
    copy CONSTANT regclass := '"public"."events_pgcleave_copy"';
    names CONSTANT name[] := ARRAY['events_account_id_fkey'];
    definitions CONSTANT text[] := ARRAY['FOREIGN KEY (account_id) REFERENCES public.accounts(id) DEFERRABLE INITIALLY DEFERRED'];
    validated CONSTANT boolean[] := ARRAY[true];
    referenced CONSTANT regclass[] := ARRAY['"public"."accounts"']::text[]::regclass[];
    targets regclass[];
    target regclass;
    may_lock boolean;
BEGIN
    COMMIT; -- fails at once inside a transaction block
    SET LOCAL search_path = pg_catalog, pg_temp;
    IF current_setting('server_version_num')::int >= 180000 THEN
        targets := ARRAY[copy];
    ELSE
        targets := ARRAY(SELECT relid FROM pg_partition_tree(copy) WHERE isleaf ORDER BY relid);
    END IF;
    FOR i IN 1 .. cardinality(names) LOOP
        FOREACH target IN ARRAY targets LOOP
            COMMIT;
            SET LOCAL search_path = pg_catalog, pg_temp;
            may_lock := has_table_privilege(referenced[i], 'UPDATE, DELETE, TRUNCATE');
            IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = target AND conname = names[i]) THEN
                -- What is referred to before the copy, as applications lock them: the other order deadlocks. Without the
                -- right to do so it is locked together with the copy.
                PERFORM "public"."events_pgcleave_lock"(referenced[i],
                    ARRAY(SELECT format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', referenced[i]) WHERE may_lock)
                    || format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', target, names[i], definitions[i]));
            END IF;
            COMMIT;
            SET LOCAL search_path = pg_catalog, pg_temp;
            IF validated[i] AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = target AND conname = names[i] AND NOT convalidated) THEN
                PERFORM "public"."events_pgcleave_lock"(target, ARRAY[
                    format('ALTER TABLE %s VALIDATE CONSTRAINT %I', target, names[i])]);
            END IF;
        END LOOP;
        COMMIT;
        SET LOCAL search_path = pg_catalog, pg_temp;
        IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = copy AND conname = names[i]) THEN
            PERFORM "public"."events_pgcleave_lock"(referenced[i],
                ARRAY(SELECT format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', referenced[i]) WHERE may_lock)
                || format('ALTER TABLE %s ADD CONSTRAINT %I %s', copy, names[i], definitions[i]));
        END IF;
    END LOOP;
    UPDATE "public"."events_pgcleave_state" SET foreign_keys_added = true;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE "public"."events_pgcleave_add_foreign_keys"() OWNER TO "postgres";

-- Nobody but the owner may call them or put one on a table of their own; firing a trigger needs no right.
DO $pgcleave$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT DISTINCT p.oid::regprocedure AS routine, a.grantee
          FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         WHERE p.pronamespace = '"public"'::regnamespace AND a.grantee <> p.proowner
           AND p.proname = ANY (ARRAY['events_pgcleave_fingerprint', 'events_pgcleave_lock', 'events_pgcleave_check', 'events_pgcleave_guard', 'events_pgcleave_log_keys', 'events_pgcleave_sync', 'events_pgcleave_sync_truncate', 'events_pgcleave_reverse', 'events_pgcleave_reverse_truncate', 'events_pgcleave_note_moves', 'events_pgcleave_drain', 'events_pgcleave_wait', 'events_pgcleave_mark', 'events_pgcleave_compare', 'events_pgcleave_repair', 'events_pgcleave_copy_batches', 'events_pgcleave_build_partition_indexes', 'events_pgcleave_catch_up', 'events_pgcleave_add_foreign_keys', 'events_pgcleave_move_incoming', 'events_pgcleave_work']::name[])
    LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM %s', granted.routine,
            CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(granted.grantee)) END);
    END LOOP;
END
$pgcleave$;

COMMIT;
