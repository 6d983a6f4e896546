-- 0006_build_indexes.up.sql: Put the partitions' indexes together into the copy's, and create its triggers
-- Table: public.events
-- Lock: none on the source table
-- Takes: milliseconds a partition; where a partition lacks an index (without build_partition_indexes, or an exclusion constraint), it is built here
-- Undo: the down file drops them, and the partitions' with them
-- Hazards: none
-- Mind: the primary key becomes (id, created_at): it must hold the partition key: uniqueness of (id) alone holds as long as the retired table is kept, and not after it is dropped, unless it is guarded (--unique events_pkey=guard); INSERT … ON CONFLICT (id) finds no matching constraint: name (created_at) in it too, and ON CONFLICT DO NOTHING without a target doesn't meet the same values in another partition
-- Lint: adding-serial-primary-key-field, constraint-missing-not-valid, disallowed-unique-constraint, require-concurrent-index-creation, eugene E4, eugene E6, eugene E7, eugene E8: nobody but pgcleave uses the copy yet, and a partitioned table's indexes can't be built CONCURRENTLY
-- Lint: eugene W12: each builds an index of its own or sets a trigger: in one statement they would read the copy as often
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
    IF NOT EXISTS (SELECT FROM "public"."events_pgcleave_state" WHERE source_filenode IS NOT NULL)
       OR EXISTS (SELECT FROM "public"."events_pgcleave_segments" WHERE next_block < end_block) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the batch copy is not complete', HINT = 'run the step run_batch_copy again: it goes on where it stopped';
    END IF;
END
$pgcleave$;

-- Under names of their own; the cutover gives them the names that the source's have. An index that a partition has
-- already becomes a part of the copy's; one that it lacks is built.
ALTER TABLE "public"."events_pgcleave_copy" ADD CONSTRAINT "events_pkey_pgcleave_copy" PRIMARY KEY ("id", "created_at");
CREATE INDEX "events_created_at_idx_pgcleave_copy" ON "public"."events_pgcleave_copy" USING btree (created_at);
DO $pgcleave$
DECLARE
    apart text;
BEGIN
    SELECT string_agg(x.indexrelid::regclass::text, ', ') INTO apart
      FROM pg_partition_tree('"public"."events_pgcleave_copy"') t JOIN pg_index x ON x.indrelid = t.relid JOIN pg_class i ON i.oid = x.indexrelid
     WHERE t.isleaf AND NOT i.relispartition;
    IF apart IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'these indexes of partitions are part of no index of the copy: ' || apart,
            HINT = 'drop them, and run this step again';
    END IF;
END
$pgcleave$;

CREATE OR REPLACE FUNCTION "public"."events_pgcleave_reverse"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
BEGIN
    RETURN NULL; -- nothing to do before the cutover
END
$pgcleave$;
CREATE OR REPLACE FUNCTION "public"."events_pgcleave_reverse_truncate"() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
BEGIN
    RETURN NULL; -- nothing to do before the cutover
END
$pgcleave$;
ALTER FUNCTION "public"."events_pgcleave_reverse"() OWNER TO "postgres";
ALTER FUNCTION "public"."events_pgcleave_reverse_truncate"() OWNER TO "postgres";

-- The reverse sync's triggers, made now so that the cutover need not: it only replaces their functions.
-- Named so that it fires beside the server's own foreign key triggers, before the user's, whose writes come later.
CREATE TRIGGER "RI_pgcleave_reverse" AFTER INSERT OR UPDATE OR DELETE ON "public"."events_pgcleave_copy"
    FOR EACH ROW EXECUTE FUNCTION "public"."events_pgcleave_reverse"();
ALTER TABLE "public"."events_pgcleave_copy" ENABLE ALWAYS TRIGGER "RI_pgcleave_reverse";
CREATE TRIGGER pgcleave_reverse_truncate BEFORE TRUNCATE ON "public"."events_pgcleave_copy"
    FOR EACH STATEMENT EXECUTE FUNCTION "public"."events_pgcleave_reverse_truncate"();
ALTER TABLE "public"."events_pgcleave_copy" ENABLE ALWAYS TRIGGER pgcleave_reverse_truncate;
DO $pgcleave$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT relid FROM pg_partition_tree('"public"."events_pgcleave_copy"') WHERE isleaf LOOP
        EXECUTE format('CREATE TRIGGER pgcleave_reverse_truncate AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s()',
            partition, '"public"."events_pgcleave_reverse_truncate"');
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER pgcleave_reverse_truncate', partition);
    END LOOP;
END
$pgcleave$;

-- Nobody but the owner may call them or put one on a table of their own; firing a trigger needs no right.
DO $pgcleave$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT DISTINCT p.oid::regprocedure AS routine, a.grantee
          FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         WHERE p.pronamespace = '"public"'::regnamespace AND a.grantee <> p.proowner
           AND p.proname = ANY (ARRAY['events_pgcleave_fingerprint', 'events_pgcleave_lock', 'events_pgcleave_check', 'events_pgcleave_guard', 'events_pgcleave_log_keys', 'events_pgcleave_sync', 'events_pgcleave_sync_truncate', 'events_pgcleave_reverse', 'events_pgcleave_reverse_truncate', 'events_pgcleave_note_moves', 'events_pgcleave_drain', 'events_pgcleave_wait', 'events_pgcleave_mark', 'events_pgcleave_compare', 'events_pgcleave_repair', 'events_pgcleave_copy_batches', 'events_pgcleave_build_partition_indexes', 'events_pgcleave_catch_up', 'events_pgcleave_add_foreign_keys', 'events_pgcleave_move_incoming', 'events_pgcleave_work']::name[])
    LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM %s', granted.routine,
            CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(granted.grantee)) END);
    END LOOP;
END
$pgcleave$;

COMMIT;
