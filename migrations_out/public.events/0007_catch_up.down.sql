-- 0007_catch_up.down.sql: Undo: Bring what was written meanwhile into the copy
-- Table: public.events
-- Lock: ACCESS SHARE on the source table: one batch at a time; blocks nobody who reads or writes
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

-- What was caught up is as good a copy as before; only the next switch needs a new catch-up.
UPDATE "public"."events_pgcleave_state" SET count_milliseconds = NULL;

COMMIT;
