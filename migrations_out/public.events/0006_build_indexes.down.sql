-- 0006_build_indexes.down.sql: Undo: Put the partitions' indexes together into the copy's, and create its triggers
-- Table: public.events
-- Lock: none on the source table
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

-- Nobody reads the copy yet. Its triggers, statistics and indexes go; its rows stay.
DO $pgcleave$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN
        SELECT t.tgrelid FROM pg_trigger t JOIN pg_partition_tree('"public"."events_pgcleave_copy"') p ON p.relid = t.tgrelid
         WHERE p.isleaf AND t.tgname = 'pgcleave_reverse_truncate'
    LOOP
        EXECUTE format('DROP TRIGGER pgcleave_reverse_truncate ON %s', partition);
    END LOOP;
END
$pgcleave$;
DROP TRIGGER pgcleave_reverse_truncate ON "public"."events_pgcleave_copy";
DROP TRIGGER "RI_pgcleave_reverse" ON "public"."events_pgcleave_copy";
DROP FUNCTION "public"."events_pgcleave_reverse_truncate"();
DROP FUNCTION "public"."events_pgcleave_reverse"();
DROP INDEX "public"."events_created_at_idx_pgcleave_copy";
ALTER TABLE "public"."events_pgcleave_copy" DROP CONSTRAINT "events_pkey_pgcleave_copy";
UPDATE "public"."events_pgcleave_index_builds" SET built = 0;

COMMIT;
