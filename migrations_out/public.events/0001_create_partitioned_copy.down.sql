-- 0001_create_partitioned_copy.down.sql: Undo: Create the empty partitioned copy
-- Table: public.events
-- Lock: ACCESS SHARE on the source table: a moment; blocks nobody who reads or writes
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

DROP TABLE "public"."events_pgcleave_copy";
DROP FUNCTION "public"."events_pgcleave_lock"(regclass, text[], text[], boolean);
DROP FUNCTION "public"."events_pgcleave_fingerprint"(regclass);

COMMIT;
