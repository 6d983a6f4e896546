-- 0011_cut_over.up.sql: Cut over: the copy takes the table's name
-- Table: public.events
-- Lock: ACCESS EXCLUSIVE on the source table and the views that read it: an estimated 20 ms (6 partitions, in each of which the state of 1 foreign key changes), after waiting up to 1 s a try; everybody waits
-- Takes: counts both tables where that fits pgcleave.count_budget (60 s), then milliseconds under the lock
-- Undo: the down file gives the source table its name back with every write made since
-- Hazards: short_exclusive_lock
-- Mind: the primary key becomes (id, created_at): it must hold the partition key: uniqueness of (id) alone holds as long as the retired table is kept, and not after it is dropped, unless it is guarded (--unique events_pkey=guard); INSERT … ON CONFLICT (id) finds no matching constraint: name (created_at) in it too, and ON CONFLICT DO NOTHING without a target doesn't meet the same values in another partition
-- Lint: renaming-table, renaming-object: the copy and what belongs to it take the table's names in the same transaction: no client finds one missing
-- Lint: ban-alter-identity: BY DEFAULT on the retired table, which only the sync writes to, and ALWAYS on the partitioned one, as it was
-- Lint: ban-drop-function: only where it has the table's row type; it is created again in the same transaction
-- Lint: eugene E4, eugene W12: catalog changes only, unless pgcleave.recount_under_lock is on, and all of them or none; RENAME stands alone in its statement
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

-- 1. Before any lock: both sides are the same table in every snapshot, so that one statement counts both.
DO $pgcleave$
DECLARE
    budget CONSTANT int := 1000 * extract(epoch FROM
        coalesce(nullif(current_setting('pgcleave.count_budget', true), ''), '60s')::interval);
    verified_within CONSTANT interval :=
        coalesce(nullif(current_setting('pgcleave.verified_within', true), ''), '1 hour')::interval;
    state "public"."events_pgcleave_state";
    source_rows bigint;
    copy_rows bigint;
    what_was_counted text;
BEGIN
    SELECT * INTO state FROM "public"."events_pgcleave_state";
    IF state.switch_xid IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the copy is not kept in step', HINT = 'run the steps before this one first';
    END IF;
    IF NOT state.foreign_keys_added THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the copy lacks foreign keys', HINT = 'run the step add_foreign_keys first';
    END IF;
    -- In a subtransaction that is undone, so that no lock of the reading is kept: a lock that is made stronger
    -- deadlocks with whoever waits for another of the table's. Variables keep their values.
    BEGIN
        PERFORM "public"."events_pgcleave_check"();
        IF state.verified_at IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = 'the copy was not verified by checksums since it is in step', HINT = 'run the step verify_copy first';
        END IF;
        IF state.verified_mark IS DISTINCT FROM "public"."events_pgcleave_mark"('"public"."events"'::regclass) THEN
            RAISE EXCEPTION USING ERRCODE = 'PGC05',
                MESSAGE = 'the source table was changed or rewritten since the copy was verified', HINT = 'run the step verify_copy again';
        END IF;
        IF clock_timestamp() - state.verified_at > verified_within THEN
            RAISE EXCEPTION USING ERRCODE = 'PGC05',
                MESSAGE = format('the copy was verified %s ago, over the limit of %s (pgcleave.verified_within)',
                                 date_trunc('second', clock_timestamp() - state.verified_at), verified_within),
                HINT = 'run the step verify_copy again';
        END IF;
        IF state.count_milliseconds <= budget THEN
            SELECT (SELECT count(*) FROM ONLY "public"."events"), (SELECT count(*) FROM "public"."events_pgcleave_copy")
              INTO source_rows, copy_rows;
        END IF;
        -- This session comes to know the partitions now, not under the lock.
        PERFORM pg_relation_size(relid) FROM pg_partition_tree('"public"."events_pgcleave_copy"');
        RAISE EXCEPTION USING ERRCODE = 'PGC00';
    EXCEPTION WHEN SQLSTATE 'PGC00' THEN
        NULL;
    END;
    IF state.count_milliseconds <= budget THEN
        IF source_rows <> copy_rows THEN
            RAISE EXCEPTION USING ERRCODE = 'data_exception',
                MESSAGE = format('the source holds %s rows and the copy %s; nothing has changed', source_rows, copy_rows),
                HINT = 'this must never happen: see the keys (pgcleave verify --checksum) and please report it';
        END IF;
        what_was_counted := format('rows counted before the lock, in one snapshot: %s on both sides', source_rows);
    ELSE
        what_was_counted := format('rows not counted before the lock: it would take about %s ms, over the budget of %s ms (pgcleave.count_budget)',
            state.count_milliseconds, budget);
    END IF;
    what_was_counted := format('%s; verified by checksums at %s', what_was_counted, state.verified_at);
    RAISE NOTICE '%', what_was_counted;
    UPDATE "public"."events_pgcleave_state" SET evidence = what_was_counted, cutover_verified_at = NULL;
END
$pgcleave$;

-- A transaction whose snapshot is older than the switch would see the new table without the rows that
-- the catch-up wrote later. Waits up to a minute for such transactions to end; holds no lock meanwhile.
DO $pgcleave$
DECLARE
    switch_xid xid;
    verified_at timestamptz;
    holders text;
BEGIN
    IF NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
       AND position('unseen_snapshots' IN coalesce(current_setting('pgcleave.allow', true), '')) = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'PGC04',
            MESSAGE = format('the role %I cannot see whether others hold snapshots older than the switch', current_user),
            HINT = 'GRANT pg_read_all_stats to it, or make sure that no REPEATABLE READ transaction is that old and allow unseen_snapshots';
    END IF;
    SELECT s.switch_xid::xid, s.verified_at INTO switch_xid, verified_at FROM "public"."events_pgcleave_state" s;
    FOR attempt IN 1 .. 120 LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT string_agg(format('pid %s (%s, transaction open for %s s)', a.pid, coalesce(a.usename, a.backend_type),
                   coalesce(round(extract(epoch FROM clock_timestamp() - a.xact_start))::text, '?')), '; ')
          INTO holders
          FROM pg_stat_activity a
         WHERE a.pid <> pg_backend_pid() AND (a.datid IS NULL OR a.datname = current_database())
           AND age(a.backend_xmin) >= age(switch_xid)
           AND a.pid NOT IN (SELECT p.pid FROM pg_stat_progress_vacuum p)
           -- An old transaction of whatever database makes every snapshot beside it look old. What began
           -- after the verification, which came after the switch, isn't.
           AND coalesce(a.xact_start, '-infinity') <= verified_at;
        EXIT WHEN holders IS NULL;
        IF attempt % 10 = 1 THEN
            RAISE NOTICE 'waiting for snapshots older than the switch: %', holders;
        END IF;
        PERFORM pg_sleep(0.5);
    END LOOP;
    IF holders IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
            MESSAGE = 'transactions with snapshots older than the switch are still open: ' || holders,
            HINT = 'end them, then run this step again; nothing has changed';
    END IF;
END
$pgcleave$;

-- PL/pgSQL keeps a compiled function in each session; one with a variable of the table's row type would fail
-- there until the session ends. Setting an attribute to what it is makes every session compile it again. No
-- lock is needed for that; only functions that this role may alter.
DO $pgcleave$
DECLARE
    routine record;
BEGIN
    FOR routine IN
        SELECT p.oid::regprocedure AS signature, p.prosecdef
          FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
         WHERE l.lanname = 'plpgsql' AND strpos(lower(p.prosrc), lower('events')) > 0
           AND pg_has_role(p.proowner, 'USAGE') AND p.proname <> ALL (ARRAY['events_pgcleave_fingerprint', 'events_pgcleave_lock', 'events_pgcleave_check', 'events_pgcleave_guard', 'events_pgcleave_log_keys', 'events_pgcleave_sync', 'events_pgcleave_sync_truncate', 'events_pgcleave_reverse', 'events_pgcleave_reverse_truncate', 'events_pgcleave_note_moves', 'events_pgcleave_drain', 'events_pgcleave_wait', 'events_pgcleave_mark', 'events_pgcleave_compare', 'events_pgcleave_repair', 'events_pgcleave_copy_batches', 'events_pgcleave_build_partition_indexes', 'events_pgcleave_catch_up', 'events_pgcleave_add_foreign_keys', 'events_pgcleave_move_incoming', 'events_pgcleave_work']::name[])
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
         ORDER BY p.oid
    LOOP
        BEGIN
            EXECUTE format('ALTER ROUTINE %s SECURITY %s', routine.signature, CASE WHEN routine.prosecdef THEN 'DEFINER' ELSE 'INVOKER' END);
        EXCEPTION WHEN internal_error OR undefined_function OR lock_not_available THEN
            RAISE NOTICE 'the function % is being changed by somebody else: sessions that have it compiled may have to reconnect', routine.signature;
        END;
    END LOOP;
END
$pgcleave$;

-- 2. The lock, at its final strength at once; what reads the table first, outermost first, as its readers take them
-- (giving a relation to its owner locks that relation alone).
SELECT "public"."events_pgcleave_lock"('"public"."events"', ARRAY[
    'LOCK TABLE "public"."events" IN ACCESS EXCLUSIVE MODE'
], ARRAY[
    'ALTER TABLE "public"."events_pgcleave_copy" ALTER CONSTRAINT "events_account_id_fkey" NOT DEFERRABLE'
]::text[]);
SELECT "public"."events_pgcleave_check"();
-- For those who asked for it (pgcleave.recount_under_lock): everybody waits while both tables are counted.
DO $pgcleave$
DECLARE
    source_rows bigint;
    copy_rows bigint;
BEGIN
    IF NOT coalesce(nullif(current_setting('pgcleave.recount_under_lock', true), ''), 'off')::boolean THEN
        RETURN;
    END IF;
    SELECT (SELECT count(*) FROM ONLY "public"."events"), (SELECT count(*) FROM "public"."events_pgcleave_copy")
      INTO source_rows, copy_rows;
    IF source_rows <> copy_rows THEN
        RAISE EXCEPTION USING ERRCODE = 'data_exception',
            MESSAGE = format('under the lock, the source holds %s rows and the copy %s; nothing has changed', source_rows, copy_rows),
            HINT = 'this must never happen: see the keys (pgcleave verify --checksum) and please report it';
    END IF;
    RAISE NOTICE 'rows counted under the lock: % on both sides', source_rows;
    UPDATE "public"."events_pgcleave_state" SET evidence = format('%s; counted again under the lock: %s on both sides', evidence, source_rows);
END
$pgcleave$;

-- 3. Catalog changes only, milliseconds.
ALTER TABLE "public"."events" RENAME TO "events_pgcleave_retired";
ALTER TABLE "public"."events_pgcleave_copy" RENAME TO "events";
ALTER INDEX "public"."events_pkey" RENAME TO "events_pkey_pgcleave_retired";
ALTER INDEX "public"."events_pkey_pgcleave_copy" RENAME TO "events_pkey";
ALTER INDEX "public"."events_created_at_idx" RENAME TO "events_created_at_idx_pgcleave_retired";
ALTER INDEX "public"."events_created_at_idx_pgcleave_copy" RENAME TO "events_created_at_idx";
ALTER SEQUENCE "public"."events_id_seq" RENAME TO "events_id_seq_pgcleave_retired";
ALTER SEQUENCE "public"."events_id_seq_pgcleave_copy" RENAME TO "events_id_seq";
SELECT setval('"public"."events_id_seq"', last_value, is_called) FROM "public"."events_id_seq_pgcleave_retired";
-- The retired table follows within a statement: its foreign keys are checked at COMMIT.
ALTER TABLE "public"."events_pgcleave_retired" ALTER CONSTRAINT "events_account_id_fkey" DEFERRABLE INITIALLY DEFERRED;

-- 4. The reverse sync, from this instant.
-- Phase C: brings the retired table's row to what the new table holds now.
CREATE OR REPLACE FUNCTION "public"."events_pgcleave_reverse"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
#variable_conflict use_column
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        -- An old snapshot still shows a row that another transaction has deleted since: locking it says so (40001).
        IF TG_OP <> 'INSERT' THEN
            PERFORM FROM "public"."events" n WHERE n."id" OPERATOR("pg_catalog".=) OLD."id" FOR KEY SHARE;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM FROM "public"."events" n WHERE n."id" OPERATOR("pg_catalog".=) NEW."id" FOR KEY SHARE;
        END IF;
    END IF;
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND NOT (OLD."id" OPERATOR("pg_catalog".=) NEW."id")) THEN
        -- Moving a row to another partition fires DELETE, then INSERT, when the row stands there already.
        -- Looked up by the whole primary key, so that foreign keys at the retired table don't fire.
        DELETE FROM "public"."events_pgcleave_retired" r
         WHERE r."id" OPERATOR("pg_catalog".=) OLD."id"
           AND NOT EXISTS (SELECT FROM "public"."events" n WHERE n."id" OPERATOR("pg_catalog".=) OLD."id");
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' OR NOT (OLD."id" OPERATOR("pg_catalog".=) NEW."id") THEN
        INSERT INTO "public"."events_pgcleave_retired" ("id", "account_id", "payload", "created_at") OVERRIDING SYSTEM VALUE
        SELECT n."id", n."account_id", n."payload", n."created_at"
          FROM "public"."events" n WHERE n."id" OPERATOR("pg_catalog".=) NEW."id" AND n."created_at" OPERATOR("pg_catalog".<=) NEW."created_at" AND n."created_at" OPERATOR("pg_catalog".>=) NEW."created_at"
        ON CONFLICT ("id") DO NOTHING;
        IF FOUND THEN
            RETURN NULL; -- the retired table's unique index says that nobody else has this primary key
        END IF;
    END IF;
    INSERT INTO "public"."events_pgcleave_retired" ("id", "account_id", "payload", "created_at") OVERRIDING SYSTEM VALUE
    SELECT n."id", n."account_id", n."payload", n."created_at"
      FROM "public"."events" n WHERE n."id" OPERATOR("pg_catalog".=) NEW."id" AND n."created_at" OPERATOR("pg_catalog".<=) NEW."created_at" AND n."created_at" OPERATOR("pg_catalog".>=) NEW."created_at"
    ON CONFLICT ("id") DO UPDATE SET "account_id" = EXCLUDED."account_id", "payload" = EXCLUDED."payload", "created_at" = EXCLUDED."created_at";
    -- A statement of its own, for its snapshot: the upsert may have waited for another's INSERT.
    IF (TG_OP = 'INSERT' OR NOT (OLD."id" OPERATOR("pg_catalog".=) NEW."id"))
       AND EXISTS (SELECT FROM "public"."events" n
                    WHERE n."id" OPERATOR("pg_catalog".=) NEW."id" AND NOT (n."id" OPERATOR("pg_catalog".=) NEW."id" AND n."created_at" OPERATOR("pg_catalog".<=) NEW."created_at" AND n."created_at" OPERATOR("pg_catalog".>=) NEW."created_at")) THEN
        RAISE EXCEPTION USING ERRCODE = 'unique_violation',
            MESSAGE = 'duplicate key value violates unique constraint "' || 'events_pkey' || '"',
            DETAIL = 'A row of another partition has this primary key already.',
            SCHEMA = 'public', TABLE = 'events',
            CONSTRAINT = 'events_pkey';
    END IF;
    RETURN NULL;
END
$pgcleave$;
CREATE OR REPLACE FUNCTION "public"."events_pgcleave_reverse_truncate"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
BEGIN
    -- What this transaction has written before must not wait for its COMMIT to be checked: TRUNCATE refuses that.
    SET CONSTRAINTS "public"."events_account_id_fkey" IMMEDIATE;
    IF TG_RELID = '"public"."events"'::regclass THEN -- the partitioned table: all its partitions
        TRUNCATE "public"."events_pgcleave_retired";
    ELSE -- a partition: the rows of its range, of which the whole TRUNCATE left none
        EXECUTE 'DELETE FROM "public"."events_pgcleave_retired" WHERE ' || pg_get_partition_constraintdef(TG_RELID);
    END IF;
    RETURN NULL;
END
$pgcleave$;
-- The forward sync ends; the guard keeps applications off the retired table.
CREATE OR REPLACE FUNCTION "public"."events_pgcleave_sync"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
BEGIN
    RETURN NULL; -- the retired table is written by the reverse sync
END
$pgcleave$;
ALTER TABLE "public"."events_pgcleave_retired" ENABLE ALWAYS TRIGGER pgcleave_guard;
CREATE OR REPLACE FUNCTION "public"."events_pgcleave_sync_truncate"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
BEGIN
    IF pg_trigger_depth() <= 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'public.events' || ' was partitioned, and this is the retired table, kept for a rollback',
            HINT = 'truncate the partitioned table, which has the old name';
    END IF;
    RETURN NULL;
END
$pgcleave$;

COMMIT;
