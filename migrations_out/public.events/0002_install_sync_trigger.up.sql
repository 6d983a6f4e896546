-- 0002_install_sync_trigger.up.sql: Log the keys that writers touch from now on
-- Table: public.events
-- Lock: SHARE ROW EXCLUSIVE on the source table: milliseconds, after waiting up to 1 s a try; writers wait, readers don't
-- Takes: milliseconds
-- Undo: the down file drops the triggers and the change log
-- Hazards: slows_writers
-- Lint: eugene E4: takes ENABLE TRIGGER's lock for ACCESS EXCLUSIVE; it is SHARE ROW EXCLUSIVE, which readers don't feel
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

-- The change log: the keys, and nothing else, that writers touch while the table is being copied.
CREATE TABLE "public"."events_pgcleave_log" AS
    SELECT "id", "created_at" FROM "public"."events" WITH NO DATA;
CREATE INDEX ON "public"."events_pgcleave_log" ("id");
-- One row per TRUNCATE of the source table.
CREATE TABLE "public"."events_pgcleave_truncations" (truncated_at timestamptz NOT NULL DEFAULT clock_timestamp());
-- Where the conversion stands; one row.
CREATE TABLE "public"."events_pgcleave_state" (
    only_row            boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    source_filenode     oid,                             -- changes when the source is rewritten; null before the copy
    stop_requested      boolean NOT NULL DEFAULT false,  -- the batch copy and the catch-up stop after a batch
    waiting_for         text,                            -- why they wait at the moment
    count_milliseconds  bigint,                          -- how long counting both tables took
    cron_job            bigint,                          -- pg_cron's job that copies and catches up,
    cron_role           name,                            -- and whose it is
    sync_marks          text,                            -- of our triggers and functions: tells whether someone has switched
                                                         -- one off, if only for a while: a lost change
    switch_xid          xid8,                            -- transaction from which on copy = source
    guards_created      boolean NOT NULL DEFAULT false,  -- what keeps keys unique over all partitions is there
    foreign_keys_added  boolean NOT NULL DEFAULT false,  -- the copy has all of the source's, validated alike
    foreign_keys_moving boolean NOT NULL DEFAULT false,  -- those that point at the retired table are being given another form
    foreign_keys_moved  boolean NOT NULL DEFAULT false,  -- and all have it
    materialized_views_built boolean NOT NULL DEFAULT false, -- on the copy, since it is in step
    verified_at         timestamptz,                     -- compared by checksums without a difference since the switch,
    verified_mark       text,                            -- while the source's structure and storage bore this mark
    cutover_verified_at timestamptz,                     -- the same, new table against retired table, since the cutover
    verified_parts      jsonb NOT NULL DEFAULT '{}',     -- partitions that an unfinished `pgcleave verify` found equal
    evidence            text                             -- what was compared last, and how
);
INSERT INTO "public"."events_pgcleave_state" DEFAULT VALUES;
-- How the batch copy and the catch-up behave; may be changed while they run.
CREATE TABLE "public"."events_pgcleave_settings" (
    only_row            boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    jobs                bigint NOT NULL DEFAULT 1 CHECK (jobs >= 1),           -- sessions that may copy at once
    batch_target        interval NOT NULL DEFAULT '500 milliseconds' CHECK (batch_target > '0'), -- time per batch
    sleep_milliseconds  bigint NOT NULL DEFAULT 0 CHECK (sleep_milliseconds >= 0), -- after each batch
    max_replica_lag     interval DEFAULT '10 seconds',                         -- pg_stat_replication.replay_lag; null: any
    max_retained_wal    bigint,                                                -- bytes that a replication slot retains; null: any
    max_active_sessions bigint,                                                -- of others, in the whole server; null: any
    throttle_query      text,                                                  -- waits while it returns true; null: none
    paused_by           text                                                   -- waits while not null, and why
);
INSERT INTO "public"."events_pgcleave_settings" DEFAULT VALUES;
-- Where the batch copy stands in each part of the source. Blocks, upper ends exclusive.
CREATE TABLE "public"."events_pgcleave_segments" (
    first_block bigint PRIMARY KEY,
    end_block   bigint NOT NULL,
    next_block  bigint NOT NULL,
    rows_copied bigint NOT NULL DEFAULT 0
);
-- How many of its indexes each partition of the copy has.
CREATE TABLE "public"."events_pgcleave_index_builds" (
    partition oid PRIMARY KEY,
    bytes     bigint NOT NULL,
    indexes   bigint NOT NULL,
    built     bigint NOT NULL DEFAULT 0
);
ALTER TABLE "public"."events_pgcleave_settings" OWNER TO "postgres";
ALTER TABLE "public"."events_pgcleave_segments" OWNER TO "postgres";
ALTER TABLE "public"."events_pgcleave_index_builds" OWNER TO "postgres";
ALTER TABLE "public"."events_pgcleave_log" OWNER TO "postgres";
ALTER TABLE "public"."events_pgcleave_truncations" OWNER TO "postgres";
ALTER TABLE "public"."events_pgcleave_state" OWNER TO "postgres";

-- Phase A, for whole statements: what the row trigger does, at a fraction of the price where a statement changes many
-- rows. UNION, which takes out duplicates, is safe in a plan that was made for one row and then is used for millions.
CREATE OR REPLACE FUNCTION "public"."events_pgcleave_log_keys"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
#variable_conflict use_column
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO "public"."events_pgcleave_log" SELECT n."id", n."created_at" FROM pgcleave_new n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO "public"."events_pgcleave_log" SELECT o."id", o."created_at" FROM pgcleave_old o;
    ELSE
        INSERT INTO "public"."events_pgcleave_log"
        SELECT o."id", o."created_at" FROM pgcleave_old o UNION SELECT n."id", n."created_at" FROM pgcleave_new n;
    END IF;
    RETURN NULL;
END
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_log_keys"() OWNER TO "postgres";

-- Phase A: appends the touched keys to the change log. Never an image of the row: the source is read
-- again when the log is drained.
CREATE OR REPLACE FUNCTION "public"."events_pgcleave_sync"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
#variable_conflict use_column
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO "public"."events_pgcleave_log" VALUES (NEW."id", NEW."created_at");
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO "public"."events_pgcleave_log" VALUES (OLD."id", OLD."created_at");
    ELSIF OLD."id" OPERATOR("pg_catalog".=) NEW."id" AND OLD."created_at" OPERATOR("pg_catalog".<=) NEW."created_at" AND OLD."created_at" OPERATOR("pg_catalog".>=) NEW."created_at" THEN
        INSERT INTO "public"."events_pgcleave_log" VALUES (NEW."id", NEW."created_at");
    ELSE
        INSERT INTO "public"."events_pgcleave_log" VALUES (OLD."id", OLD."created_at"), (NEW."id", NEW."created_at");
    END IF;
    RETURN NULL;
END
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_sync"() OWNER TO "postgres";

CREATE FUNCTION "public"."events_pgcleave_sync_truncate"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
BEGIN
    INSERT INTO "public"."events_pgcleave_truncations" DEFAULT VALUES;
    RETURN NULL;
END
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_sync_truncate"() OWNER TO "postgres";

-- Fails when the table's structure has changed, or when a trigger of ours was touched meanwhile.
CREATE FUNCTION "public"."events_pgcleave_check"() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $pgcleave$
DECLARE
    source CONSTANT regclass := '"public"."events"';
BEGIN
    IF "public"."events_pgcleave_fingerprint"(source) <> '28178eb51f9822c874f34be4055bd21e' THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the structure of ' || 'public.events' || ' has changed since the conversion began',
            HINT = 'undo the change, or roll back (pgcleave rollback), generate again and start over';
    END IF;
    IF (SELECT sync_marks FROM "public"."events_pgcleave_state") IS DISTINCT FROM
    (SELECT string_agg(mark, ' ' ORDER BY mark)
       FROM (SELECT format('%s %s %s', tgname, tgenabled, xmin) AS mark FROM pg_trigger
              WHERE tgrelid = '"public"."events"'::regclass
                AND tgname IN ('pgcleave_log_insert', 'pgcleave_log_update', 'pgcleave_log_delete', 'pgcleave_sync', 'pgcleave_sync_truncate')
             UNION ALL
             SELECT format('%s %s', proname, xmin) FROM pg_proc
              WHERE oid IN ('"public"."events_pgcleave_log_keys"()'::regprocedure, '"public"."events_pgcleave_sync"()'::regprocedure)) marks) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the sync trigger of ' || 'public.events' || ' was switched off or changed for a while: changes may be missing from the copy',
            HINT = 'roll back to the start (pgcleave rollback) and copy again';
    END IF;
END
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_check"() OWNER TO "postgres";

-- Keeps applications from writing to the retired table after the cutover; disabled until then. The
-- reverse sync and foreign keys write to it from within another trigger. A BEFORE trigger, for AFTER
-- triggers of a foreign key's own writes fire as if the application had made them.
CREATE FUNCTION "public"."events_pgcleave_guard"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
BEGIN
    IF pg_trigger_depth() <= 1 AND current_setting('pgcleave.repair', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'public.events' || ' was partitioned, and this is the retired table, kept for a rollback',
            HINT = 'write to the partitioned table, which has the old name';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_guard"() OWNER TO "postgres";

SELECT "public"."events_pgcleave_lock"('"public"."events"', ARRAY[
    'LOCK TABLE "public"."events" IN SHARE ROW EXCLUSIVE MODE'
]);

CREATE TRIGGER pgcleave_log_insert AFTER INSERT ON "public"."events"
    REFERENCING NEW TABLE AS pgcleave_new FOR EACH STATEMENT EXECUTE FUNCTION "public"."events_pgcleave_log_keys"();
CREATE TRIGGER pgcleave_log_update AFTER UPDATE ON "public"."events"
    REFERENCING OLD TABLE AS pgcleave_old NEW TABLE AS pgcleave_new FOR EACH STATEMENT EXECUTE FUNCTION "public"."events_pgcleave_log_keys"();
CREATE TRIGGER pgcleave_log_delete AFTER DELETE ON "public"."events"
    REFERENCING OLD TABLE AS pgcleave_old FOR EACH STATEMENT EXECUTE FUNCTION "public"."events_pgcleave_log_keys"();
CREATE TRIGGER pgcleave_sync AFTER INSERT OR UPDATE OR DELETE ON "public"."events"
    FOR EACH ROW EXECUTE FUNCTION "public"."events_pgcleave_sync"();
CREATE TRIGGER pgcleave_sync_truncate AFTER TRUNCATE ON "public"."events"
    FOR EACH STATEMENT EXECUTE FUNCTION "public"."events_pgcleave_sync_truncate"();
CREATE TRIGGER pgcleave_guard BEFORE INSERT OR UPDATE OR DELETE ON "public"."events"
    FOR EACH ROW EXECUTE FUNCTION "public"."events_pgcleave_guard"();
-- Whoever applies changes of logical replication fires no statement triggers: for those, who write as replica, there is the
-- row trigger. ALWAYS: all other writers, whatever their session_replication_role is or becomes within a statement.
ALTER TABLE "public"."events" ENABLE ALWAYS TRIGGER pgcleave_log_insert, ENABLE ALWAYS TRIGGER pgcleave_log_update,
    ENABLE ALWAYS TRIGGER pgcleave_log_delete, ENABLE REPLICA TRIGGER pgcleave_sync;
ALTER TABLE "public"."events" ENABLE ALWAYS TRIGGER pgcleave_sync_truncate, DISABLE TRIGGER pgcleave_guard;

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
