-- 0006_build_indexes.verify.sql: Check that this is done: Put the partitions' indexes together into the copy's, and create its triggers
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
DECLARE
    indexes bigint;
BEGIN
    SELECT count(*) INTO indexes FROM pg_index
     WHERE indrelid = '"public"."events_pgcleave_copy"'::regclass AND indisvalid;
    IF indexes <> 2 THEN
        RAISE EXCEPTION USING MESSAGE = format('the copy has %s valid indexes, not 2', indexes);
    END IF;
    PERFORM '"public"."events_pgcleave_reverse"()'::regprocedure; -- fails where the reverse sync's function is not there
END
$pgcleave$;

COMMIT;
