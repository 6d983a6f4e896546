-- 0009_add_foreign_keys.verify.sql: Check that this is done: Add the foreign keys to the copy
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
    missing text;
BEGIN
    SELECT string_agg(f.name, ', ') INTO missing
      FROM unnest(ARRAY['events_account_id_fkey']::name[], ARRAY[true]) AS f (name, validated)
     WHERE NOT EXISTS (SELECT FROM pg_constraint k
                        WHERE k.conrelid = '"public"."events_pgcleave_copy"'::regclass AND k.conname = f.name
                          AND k.contype = 'f' AND k.convalidated = f.validated);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING MESSAGE = 'foreign keys missing on the copy: ' || missing;
    END IF;
END
$pgcleave$;

COMMIT;
