-- 0008_keep_in_step.down.sql: Undo: Switch from logging to keeping the copy in step
-- Table: public.events
-- Lock: SHARE ROW EXCLUSIVE on the source table: while at most 20,000 logged changes are drained and, where that fits pgcleave.switch_budget (50 ms), rows are counted; writers wait, readers don't
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

-- Back to phase A: copy = source at this moment, and from here on the change log says what differs.
SELECT "public"."events_pgcleave_lock"('"public"."events"', ARRAY[
    'LOCK TABLE "public"."events" IN SHARE ROW EXCLUSIVE MODE'
]);

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
-- Whoever applies changes of logical replication fires no statement triggers: for those, who write as replica, there is the
-- row trigger. ALWAYS: all other writers, whatever their session_replication_role is or becomes within a statement.
ALTER TABLE "public"."events" ENABLE ALWAYS TRIGGER pgcleave_log_insert, ENABLE ALWAYS TRIGGER pgcleave_log_update,
    ENABLE ALWAYS TRIGGER pgcleave_log_delete, ENABLE REPLICA TRIGGER pgcleave_sync;
CREATE OR REPLACE FUNCTION "public"."events_pgcleave_sync_truncate"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
BEGIN
    INSERT INTO "public"."events_pgcleave_truncations" DEFAULT VALUES;
    RETURN NULL;
END
$pgcleave$;
UPDATE "public"."events_pgcleave_state" SET switch_xid = NULL, verified_at = NULL, verified_mark = NULL;

-- DISABLE and ENABLE TRIGGER, or a replaced function, leave their trace only in xmin.
UPDATE "public"."events_pgcleave_state" SET sync_marks =
    (SELECT string_agg(mark, ' ' ORDER BY mark)
       FROM (SELECT format('%s %s %s', tgname, tgenabled, xmin) AS mark FROM pg_trigger
              WHERE tgrelid = '"public"."events"'::regclass
                AND tgname IN ('pgcleave_log_insert', 'pgcleave_log_update', 'pgcleave_log_delete', 'pgcleave_sync', 'pgcleave_sync_truncate')
             UNION ALL
             SELECT format('%s %s', proname, xmin) FROM pg_proc
              WHERE oid IN ('"public"."events_pgcleave_log_keys"()'::regprocedure, '"public"."events_pgcleave_sync"()'::regprocedure)) marks);

COMMIT;
