-- 0013_drop_retired_table.up.sql: Drop the retired table and end the reverse sync
-- Table: public.events
-- Lock: ACCESS EXCLUSIVE on the partitioned table and the retired table: milliseconds, after waiting up to 1 s a try; everybody waits
-- Takes: milliseconds
-- Undo: cannot be undone: afterwards there is no way back to the unpartitioned table
-- Hazards: short_exclusive_lock, irreversible
-- Mind: the primary key becomes (id, created_at): it must hold the partition key: uniqueness of (id) alone holds as long as the retired table is kept, and not after it is dropped, unless it is guarded (--unique events_pkey=guard); INSERT … ON CONFLICT (id) finds no matching constraint: name (created_at) in it too, and ON CONFLICT DO NOTHING without a target doesn't meet the same values in another partition
-- Lint: ban-drop-table, ban-drop-view, ban-drop-function: only the retired table and its materialized views, once verify_cutover found no difference, and pgcleave's own
-- Lint: eugene E4: dropping takes milliseconds; nothing else is done under the lock
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

DO $pgcleave$
DECLARE
    keys text;
BEGIN
    SELECT string_agg(format('%I of %s', conname, conrelid::regclass), ', ') INTO keys
      FROM pg_constraint
     WHERE confrelid = '"public"."events_pgcleave_retired"'::regclass AND conrelid <> confrelid AND contype = 'f' AND conparentid = 0;
    IF keys IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist',
            MESSAGE = 'foreign keys still point at the retired table: ' || keys,
            HINT = 'run the step move_incoming_foreign_keys first, and drop or move by hand what came since the files were generated';
    END IF;
    IF NOT EXISTS (SELECT FROM "public"."events_pgcleave_state" WHERE cutover_verified_at IS NOT NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the partitioned table was not verified against the retired one since the cutover',
            HINT = 'run the step verify_cutover first';
    END IF;
END
$pgcleave$;

-- Dropping foreign keys locks what they refer to: beforehand, where we may, or together with the drop.
SELECT "public"."events_pgcleave_lock"('"public"."events"', ARRAY[
    'LOCK TABLE "public"."events" IN ACCESS EXCLUSIVE MODE',
    'LOCK TABLE "public"."events_pgcleave_retired" IN ACCESS EXCLUSIVE MODE'
] || ARRAY(SELECT format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', r) FROM unnest(ARRAY['"public"."accounts"']::text[]::regclass[]) r
           WHERE has_table_privilege(r, 'UPDATE, DELETE, TRUNCATE')));
DO $pgcleave$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN
        SELECT t.tgrelid FROM pg_trigger t JOIN pg_partition_tree('"public"."events"') p ON p.relid = t.tgrelid
         WHERE p.isleaf AND t.tgname = 'pgcleave_reverse_truncate'
    LOOP
        EXECUTE format('DROP TRIGGER pgcleave_reverse_truncate ON %s', partition);
    END LOOP;
END
$pgcleave$;
DROP TRIGGER pgcleave_reverse_truncate ON "public"."events";
DROP TRIGGER "RI_pgcleave_reverse" ON "public"."events";
DROP TABLE "public"."events_pgcleave_retired";
DROP FUNCTION "public"."events_pgcleave_reverse"();
DROP FUNCTION "public"."events_pgcleave_reverse_truncate"();
DROP FUNCTION "public"."events_pgcleave_sync"();
DROP FUNCTION "public"."events_pgcleave_log_keys"();
DROP FUNCTION "public"."events_pgcleave_sync_truncate"();
DROP FUNCTION "public"."events_pgcleave_check"();
DROP FUNCTION "public"."events_pgcleave_guard"();
DROP PROCEDURE "public"."events_pgcleave_add_foreign_keys"();
DROP FUNCTION "public"."events_pgcleave_repair"("public"."events_pgcleave_log");
DROP FUNCTION "public"."events_pgcleave_compare"();
DROP FUNCTION "public"."events_pgcleave_mark"(regclass);
DROP PROCEDURE "public"."events_pgcleave_catch_up"(bigint);
DROP FUNCTION "public"."events_pgcleave_drain"(bigint);
DROP PROCEDURE "public"."events_pgcleave_copy_batches"(bigint);
DROP PROCEDURE "public"."events_pgcleave_build_partition_indexes"();
DROP PROCEDURE "public"."events_pgcleave_wait"();
DROP TABLE "public"."events_pgcleave_state";
DROP TABLE "public"."events_pgcleave_settings";
DROP TABLE "public"."events_pgcleave_segments";
DROP TABLE "public"."events_pgcleave_index_builds";
DROP TABLE "public"."events_pgcleave_truncations";
DROP TABLE "public"."events_pgcleave_log";
DROP FUNCTION "public"."events_pgcleave_lock"(regclass, text[], text[], boolean);
DROP FUNCTION "public"."events_pgcleave_fingerprint"(regclass);
-- No down file: the retired table is gone for good. No verify file: every object named here fails to drop when it isn't there.

COMMIT;
