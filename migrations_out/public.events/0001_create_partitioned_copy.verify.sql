-- 0001_create_partitioned_copy.verify.sql: Check that this is done: Create the empty partitioned copy
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
    partitions bigint;
BEGIN
    SELECT count(*) - 1 INTO partitions FROM pg_partition_tree(to_regclass('"public"."events_pgcleave_copy"'));
    IF partitions IS DISTINCT FROM 6 THEN
        RAISE EXCEPTION USING MESSAGE =
            format('the partitioned copy has %s partitions, not 6', partitions);
    END IF;
END
$pgcleave$;

COMMIT;
