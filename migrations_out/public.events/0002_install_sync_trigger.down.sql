-- 0002_install_sync_trigger.down.sql: Undo: Log the keys that writers touch from now on
-- Table: public.events
-- Lock: SHARE ROW EXCLUSIVE on the source table: milliseconds, after waiting up to 1 s a try; writers wait, readers don't
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

SELECT "public"."events_pgcleave_lock"('"public"."events"', ARRAY[
    'LOCK TABLE "public"."events" IN ACCESS EXCLUSIVE MODE'
]);
DROP TRIGGER pgcleave_guard ON "public"."events";
DROP TRIGGER pgcleave_log_insert ON "public"."events";
DROP TRIGGER pgcleave_log_update ON "public"."events";
DROP TRIGGER pgcleave_log_delete ON "public"."events";
DROP TRIGGER pgcleave_sync ON "public"."events";
DROP TRIGGER pgcleave_sync_truncate ON "public"."events";
DROP FUNCTION "public"."events_pgcleave_check"();
DROP FUNCTION "public"."events_pgcleave_guard"();
DROP FUNCTION "public"."events_pgcleave_sync_truncate"();
DROP FUNCTION "public"."events_pgcleave_sync"();
DROP FUNCTION "public"."events_pgcleave_log_keys"();
DROP TABLE "public"."events_pgcleave_state";
DROP TABLE "public"."events_pgcleave_settings";
DROP TABLE "public"."events_pgcleave_segments";
DROP TABLE "public"."events_pgcleave_index_builds";
DROP TABLE "public"."events_pgcleave_truncations";
DROP TABLE "public"."events_pgcleave_log";

COMMIT;
