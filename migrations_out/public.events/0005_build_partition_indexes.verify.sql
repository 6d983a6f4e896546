-- 0005_build_partition_indexes.verify.sql: Check that this is done: Build the indexes of each partition
-- Table: public.events
-- Lock: none that others feel; changes nothing
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
BEGIN
    IF NOT EXISTS (SELECT FROM "public"."events_pgcleave_index_builds")
       OR EXISTS (SELECT FROM "public"."events_pgcleave_index_builds" WHERE built < indexes) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'partitions lack indexes', HINT = 'run this step again: it goes on where it stopped';
    END IF;
END
$pgcleave$;

COMMIT;
