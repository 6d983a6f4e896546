-- 0011_cut_over.verify.sql: Check that this is done: Cut over: the copy takes the table's name
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
    IF NOT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('"public"."events"') AND relkind = 'p')
       OR to_regclass('"public"."events_pgcleave_retired"') IS NULL THEN
        RAISE EXCEPTION 'the cutover has not happened';
    END IF;
END
$pgcleave$;

COMMIT;
