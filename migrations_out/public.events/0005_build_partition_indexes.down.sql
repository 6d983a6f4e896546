-- 0005_build_partition_indexes.down.sql: Undo: Build the indexes of each partition
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

-- Nobody reads the copy yet. Those that are part of an index of the copy went with it.
DO $pgcleave$
DECLARE
    index record;
BEGIN
    FOR index IN
        SELECT x.indexrelid::regclass AS name, x.indrelid::regclass AS partition, k.conname
          FROM pg_partition_tree('"public"."events_pgcleave_copy"') t JOIN pg_index x ON x.indrelid = t.relid
          LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid AND k.contype IN ('p', 'u')
         WHERE t.isleaf
    LOOP
        IF index.conname IS NULL THEN
            EXECUTE format('DROP INDEX %s', index.name);
        ELSE
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', index.partition, index.conname);
        END IF;
    END LOOP;
END
$pgcleave$;
TRUNCATE "public"."events_pgcleave_index_builds";

COMMIT;
