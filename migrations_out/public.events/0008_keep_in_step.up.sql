-- 0008_keep_in_step.up.sql: Switch from logging to keeping the copy in step
-- Table: public.events
-- Lock: SHARE ROW EXCLUSIVE on the source table: while at most 20,000 logged changes are drained and, where that fits pgcleave.switch_budget (50 ms), rows are counted; writers wait, readers don't
-- Takes: milliseconds to seconds
-- Undo: the down file goes back to logging keys
-- Hazards: slows_writers
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

-- What is left in the change log is drained with writers blocked, so it must be little.
DO $pgcleave$
DECLARE
    backlog bigint;
BEGIN
    SELECT count(*) INTO backlog FROM (SELECT FROM "public"."events_pgcleave_log" LIMIT 20001) l;
    IF backlog > 20000 THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'more than 20,000 changes wait in the change log', HINT = 'run the step catch_up again, then this one at once';
    END IF;
END
$pgcleave$;

-- Waits for the page of a catch-up that is under way elsewhere, and lets no other begin: psql and pg_cron take no
-- lock of apply's. It hurts no writer.
SELECT "public"."events_pgcleave_lock"('"public"."events_pgcleave_settings"', ARRAY[
    'LOCK TABLE "public"."events_pgcleave_settings" IN SHARE UPDATE EXCLUSIVE MODE'
]);
-- Plans what is run under the lock; in a subtransaction that is undone, so that no lock of it is kept.
DO $pgcleave$
BEGIN
    PERFORM "public"."events_pgcleave_drain"(0);
    RAISE EXCEPTION USING ERRCODE = 'PGC00';
EXCEPTION WHEN SQLSTATE 'PGC00' THEN
    NULL;
END
$pgcleave$;
SELECT "public"."events_pgcleave_lock"('"public"."events"', ARRAY[
    'LOCK TABLE "public"."events" IN SHARE ROW EXCLUSIVE MODE'
]);
SELECT "public"."events_pgcleave_check"();

DO $pgcleave$
DECLARE
    state "public"."events_pgcleave_state";
    budget CONSTANT int := 1000 * extract(epoch FROM
        coalesce(nullif(current_setting('pgcleave.switch_budget', true), ''), '50ms')::interval);
    source_rows bigint;
    copy_rows bigint;
    what_was_counted text;
BEGIN
    SELECT * INTO state FROM "public"."events_pgcleave_state" FOR UPDATE; -- a batch copy may be about to start over
    IF state.count_milliseconds IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the catch-up is not complete', HINT = 'run the step catch_up first';
    END IF;
    PERFORM "public"."events_pgcleave_drain"(NULL);
    -- Counting blocks writers as long as it takes: not beyond the budget, by what it took in the catch-up.
    IF state.count_milliseconds <= budget THEN
        SELECT (SELECT count(*) FROM ONLY "public"."events"), (SELECT count(*) FROM "public"."events_pgcleave_copy")
          INTO source_rows, copy_rows;
        IF source_rows <> copy_rows THEN
            RAISE EXCEPTION USING ERRCODE = 'data_exception',
                MESSAGE = format('the source holds %s rows and the copy %s; nothing has changed', source_rows, copy_rows),
                HINT = 'roll back to the start (pgcleave rollback), and please report this: it must never happen';
        END IF;
        what_was_counted := format('rows counted with writers blocked: %s on both sides', source_rows);
    ELSE
        what_was_counted := format('rows not counted with writers blocked: it would take about %s ms, over the budget of %s ms (pgcleave.switch_budget); verify_copy compares them without blocking',
            state.count_milliseconds, budget);
    END IF;
    RAISE NOTICE '%', what_was_counted;
    UPDATE "public"."events_pgcleave_state"
       SET switch_xid = pg_current_xact_id(), verified_at = NULL, verified_mark = NULL, evidence = what_was_counted;
END
$pgcleave$;

-- Phase B: brings the copy's row to what the source holds now. It re-reads the source instead of
-- trusting NEW, which another trigger may have made stale. The id of the transaction that switched is
-- part of the function: a REPEATABLE READ or SERIALIZABLE transaction whose snapshot is older can't see
-- what the catch-up wrote, and must be retried.
DO $pgcleave_make$
BEGIN
    EXECUTE replace($pgcleave_text$
CREATE OR REPLACE FUNCTION "public"."events_pgcleave_sync"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
#variable_conflict use_column
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        IF NOT pg_visible_in_snapshot('@switch_xid@', pg_current_snapshot()) THEN
            RAISE EXCEPTION USING ERRCODE = 'serialization_failure',
                MESSAGE = 'could not serialize access: the table was put in step with its partitioned copy after this transaction began',
                HINT = 'retry the transaction';
        END IF;
        -- An old snapshot still shows a row that another transaction has deleted since: locking it says so (40001).
        IF TG_OP <> 'INSERT' THEN
            PERFORM FROM ONLY "public"."events" s WHERE s."id" OPERATOR("pg_catalog".=) OLD."id" AND s."created_at" OPERATOR("pg_catalog".<=) OLD."created_at" AND s."created_at" OPERATOR("pg_catalog".>=) OLD."created_at" FOR KEY SHARE;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM FROM ONLY "public"."events" s WHERE s."id" OPERATOR("pg_catalog".=) NEW."id" AND s."created_at" OPERATOR("pg_catalog".<=) NEW."created_at" AND s."created_at" OPERATOR("pg_catalog".>=) NEW."created_at" FOR KEY SHARE;
        END IF;
    END IF;
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND NOT (OLD."id" OPERATOR("pg_catalog".=) NEW."id" AND OLD."created_at" OPERATOR("pg_catalog".<=) NEW."created_at" AND OLD."created_at" OPERATOR("pg_catalog".>=) NEW."created_at")) THEN
        DELETE FROM "public"."events_pgcleave_copy" c
         WHERE c."id" OPERATOR("pg_catalog".=) OLD."id" AND c."created_at" OPERATOR("pg_catalog".<=) OLD."created_at" AND c."created_at" OPERATOR("pg_catalog".>=) OLD."created_at"
           AND NOT EXISTS (SELECT FROM ONLY "public"."events" s WHERE s."id" OPERATOR("pg_catalog".=) OLD."id" AND s."created_at" OPERATOR("pg_catalog".<=) OLD."created_at" AND s."created_at" OPERATOR("pg_catalog".>=) OLD."created_at");
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO "public"."events_pgcleave_copy" ("id", "account_id", "payload", "created_at") OVERRIDING SYSTEM VALUE
        SELECT s."id", s."account_id", s."payload", s."created_at"
          FROM ONLY "public"."events" s WHERE s."id" OPERATOR("pg_catalog".=) NEW."id" AND s."created_at" OPERATOR("pg_catalog".<=) NEW."created_at" AND s."created_at" OPERATOR("pg_catalog".>=) NEW."created_at"
        ON CONFLICT ("id", "created_at") DO UPDATE SET "account_id" = EXCLUDED."account_id", "payload" = EXCLUDED."payload";
    END IF;
    RETURN NULL;
END
$pgcleave$;
$pgcleave_text$, '@switch_xid@', (SELECT switch_xid::text FROM "public"."events_pgcleave_state"));
END
$pgcleave_make$;
CREATE OR REPLACE FUNCTION "public"."events_pgcleave_sync_truncate"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
BEGIN
    -- What this transaction has written before must not wait for its COMMIT to be checked: TRUNCATE refuses that.
    SET CONSTRAINTS "public"."events_account_id_fkey" IMMEDIATE;
    TRUNCATE "public"."events_pgcleave_copy";
    RETURN NULL;
END
$pgcleave$;
-- A row at a time from here on, whoever writes.
ALTER TABLE "public"."events" ENABLE ALWAYS TRIGGER pgcleave_sync, DISABLE TRIGGER pgcleave_log_insert,
    DISABLE TRIGGER pgcleave_log_update, DISABLE TRIGGER pgcleave_log_delete;

-- DISABLE and ENABLE TRIGGER, or a replaced function, leave their trace only in xmin.
UPDATE "public"."events_pgcleave_state" SET sync_marks =
    (SELECT string_agg(mark, ' ' ORDER BY mark)
       FROM (SELECT format('%s %s %s', tgname, tgenabled, xmin) AS mark FROM pg_trigger
              WHERE tgrelid = '"public"."events"'::regclass
                AND tgname IN ('pgcleave_log_insert', 'pgcleave_log_update', 'pgcleave_log_delete', 'pgcleave_sync', 'pgcleave_sync_truncate')
             UNION ALL
             SELECT format('%s %s', proname, xmin) FROM pg_proc
              WHERE oid IN ('"public"."events_pgcleave_log_keys"()'::regprocedure, '"public"."events_pgcleave_sync"()'::regprocedure)) marks);
SELECT "public"."events_pgcleave_check"();

COMMIT;
