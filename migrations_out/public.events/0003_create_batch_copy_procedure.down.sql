-- 0003_create_batch_copy_procedure.down.sql: Undo: Create the procedures that copy and catch up
-- Table: public.events
-- Lock: none on the source table
-- Mode: one transaction: all or nothing
-- Made by: pgcleave 0.1.0, fingerprint 28178eb51f9822c874f34be4055bd21e

BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL client_min_messages = notice;

DROP PROCEDURE "public"."events_pgcleave_add_foreign_keys"();
DROP FUNCTION "public"."events_pgcleave_repair"("public"."events_pgcleave_log");
DROP FUNCTION "public"."events_pgcleave_compare"();
DROP FUNCTION "public"."events_pgcleave_mark"(regclass);
DROP PROCEDURE "public"."events_pgcleave_catch_up"(bigint);
DROP FUNCTION "public"."events_pgcleave_drain"(bigint);
DROP PROCEDURE "public"."events_pgcleave_copy_batches"(bigint);
DROP PROCEDURE "public"."events_pgcleave_build_partition_indexes"();
DROP PROCEDURE "public"."events_pgcleave_wait"();

COMMIT;
