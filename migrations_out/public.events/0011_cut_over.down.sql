-- 0011_cut_over.down.sql: Undo: Cut over: the copy takes the table's name
-- Table: public.events
-- Lock: ACCESS EXCLUSIVE on the source table and the views that read it: an estimated 20 ms (6 partitions, in each of which the state of 1 foreign key changes), after waiting up to 1 s a try; everybody waits
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

-- Before any lock: the reverse sync must have kept the retired table equal.
DO $pgcleave$
DECLARE
    columns text;
    new_rows bigint;
    retired_rows bigint;
BEGIN
    IF to_regclass('"public"."events_pgcleave_retired"') IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'there is no retired table to go back to';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = '"public"."events"'::regclass
                   AND tgname = 'RI_pgcleave_reverse' AND tgenabled = 'A') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the reverse sync was switched off: the retired table may lack writes',
            HINT = 'do not roll back; compare the tables first: pgcleave verify';
    END IF;
    SELECT string_agg(attname, ', ') INTO columns
      FROM (SELECT * FROM pg_attribute WHERE attrelid = '"public"."events"'::regclass AND attnum > 0 AND NOT attisdropped) n
      FULL JOIN (SELECT * FROM pg_attribute WHERE attrelid = '"public"."events_pgcleave_retired"'::regclass AND attnum > 0 AND NOT attisdropped) r
        USING (attname, atttypid, atttypmod)
     WHERE n.attrelid IS NULL OR r.attrelid IS NULL;
    IF columns IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'columns were added, dropped or changed since the cutover, which a rollback would lose: ' || columns,
            HINT = 'undo that first, or make the same change to the retired table';
    END IF;
    -- In a subtransaction that is undone, so that no lock of the reading is kept: a lock that is made stronger
    -- deadlocks with whoever waits for another of the table's. Variables keep their values.
    BEGIN
        SELECT (SELECT count(*) FROM "public"."events"), (SELECT count(*) FROM ONLY "public"."events_pgcleave_retired")
          INTO new_rows, retired_rows;
        RAISE EXCEPTION USING ERRCODE = 'PGC00';
    EXCEPTION WHEN SQLSTATE 'PGC00' THEN
        NULL;
    END;
    IF new_rows <> retired_rows THEN
        RAISE EXCEPTION USING ERRCODE = 'data_exception',
            MESSAGE = format('the partitioned table holds %s rows and the retired table %s; nothing has changed', new_rows, retired_rows),
            HINT = 'a partition that was dropped or detached is not known to the retired table; compare them: pgcleave verify';
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

-- Locks the partitions too: somebody may write to one directly.
SELECT "public"."events_pgcleave_lock"('"public"."events"', ARRAY[
    'LOCK TABLE "public"."events" IN ACCESS EXCLUSIVE MODE',
    'LOCK TABLE "public"."events_pgcleave_retired" IN ACCESS EXCLUSIVE MODE'
]);
ALTER TABLE "public"."events" RENAME TO "events_pgcleave_copy";
ALTER TABLE "public"."events_pgcleave_retired" RENAME TO "events";
ALTER INDEX "public"."events_pkey" RENAME TO "events_pkey_pgcleave_copy";
ALTER INDEX "public"."events_pkey_pgcleave_retired" RENAME TO "events_pkey";
ALTER INDEX "public"."events_created_at_idx" RENAME TO "events_created_at_idx_pgcleave_copy";
ALTER INDEX "public"."events_created_at_idx_pgcleave_retired" RENAME TO "events_created_at_idx";
ALTER SEQUENCE "public"."events_id_seq" RENAME TO "events_id_seq_pgcleave_copy";
ALTER SEQUENCE "public"."events_id_seq_pgcleave_retired" RENAME TO "events_id_seq";
SELECT setval('"public"."events_id_seq"', last_value, is_called) FROM "public"."events_id_seq_pgcleave_copy";
ALTER TABLE "public"."events_pgcleave_copy" ALTER CONSTRAINT "events_account_id_fkey" DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE "public"."events" ALTER CONSTRAINT "events_account_id_fkey" NOT DEFERRABLE;

-- In step again: the source is written, the copy follows.
ALTER TABLE "public"."events" DISABLE TRIGGER pgcleave_guard;
CREATE OR REPLACE FUNCTION "public"."events_pgcleave_reverse"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
BEGIN
    RETURN NULL; -- nothing to do before the cutover
END
$pgcleave$;
CREATE OR REPLACE FUNCTION "public"."events_pgcleave_reverse_truncate"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
BEGIN
    RETURN NULL; -- nothing to do before the cutover
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

-- DISABLE and ENABLE TRIGGER, or a replaced function, leave their trace only in xmin.
UPDATE "public"."events_pgcleave_state" SET sync_marks =
    (SELECT string_agg(mark, ' ' ORDER BY mark)
       FROM (SELECT format('%s %s %s', tgname, tgenabled, xmin) AS mark FROM pg_trigger
              WHERE tgrelid = '"public"."events"'::regclass
                AND tgname IN ('pgcleave_log_insert', 'pgcleave_log_update', 'pgcleave_log_delete', 'pgcleave_sync', 'pgcleave_sync_truncate')
             UNION ALL
             SELECT format('%s %s', proname, xmin) FROM pg_proc
              WHERE oid IN ('"public"."events_pgcleave_log_keys"()'::regprocedure, '"public"."events_pgcleave_sync"()'::regprocedure)) marks);
-- A new cutover needs a new verification, and materialized views of its time.
UPDATE "public"."events_pgcleave_state" SET materialized_views_built = false, verified_at = NULL, verified_mark = NULL, cutover_verified_at = NULL;

COMMIT;
