-- 0008_keep_in_step.verify.sql: Check that this is done: Switch from logging to keeping the copy in step
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
    PERFORM "public"."events_pgcleave_check"();
    IF NOT EXISTS (SELECT FROM "public"."events_pgcleave_state" WHERE switch_xid IS NOT NULL) THEN
        RAISE EXCEPTION 'the copy is not kept in step';
    END IF;
END
$pgcleave$;

COMMIT;
