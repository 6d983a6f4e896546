-- 0003_create_batch_copy_procedure.verify.sql: Check that this is done: Create the procedures that copy and catch up
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
    IF to_regprocedure('"public"."events_pgcleave_copy_batches"(bigint)') IS NULL THEN
        RAISE EXCEPTION 'the batch copy procedure is not there';
    END IF;
END
$pgcleave$;

COMMIT;
