-- 0012_verify_cutover.up.sql: Verify the partitioned table against the retired one
-- Table: public.events
-- Lock: ACCESS SHARE on both tables: while they are read; blocks nobody who reads or writes
-- Takes: reads both tables once
-- Undo: there is nothing to undo
-- Hazards: none
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

-- The partitioned table against the retired one, as before the cutover; nobody is blocked.
DO $pgcleave$
DECLARE
    compared_rows bigint;
BEGIN
    IF to_regclass('"public"."events_pgcleave_retired"') IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the cutover has not happened', HINT = 'run the step cut_over first';
    END IF;
    DECLARE
        difference text;
    BEGIN
        SELECT string_agg(format('%s: %s rows in the source, %s in the copy%s', partition, source_rows, copy_rows,
                                 CASE WHEN source_rows = copy_rows THEN ', of other content' ELSE '' END), '; ')
                   FILTER (WHERE source_rows <> copy_rows OR source_sum <> copy_sum),
               sum(source_rows)
          INTO difference, compared_rows
          FROM "public"."events_pgcleave_compare"();
        IF difference IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'data_exception',
                MESSAGE = 'source and copy differ: ' || difference,
                HINT = 'this must never happen: see the keys (pgcleave verify --checksum) and please report it';
        END IF;
        RAISE NOTICE 'compared by checksums in one snapshot: % rows on both sides', compared_rows;
    END;
    UPDATE "public"."events_pgcleave_state"
       SET cutover_verified_at = now(),
           evidence = format('new and retired table: %s rows on both sides, two 64-bit checksums per partition, one snapshot', compared_rows);
END
$pgcleave$;
-- No down file: verifying changes nothing. No verify file: this file is one.

COMMIT;
