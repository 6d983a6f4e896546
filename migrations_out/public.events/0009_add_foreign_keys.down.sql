-- 0009_add_foreign_keys.down.sql: Undo: Add the foreign keys to the copy
-- Table: public.events
-- Lock: SHARE ROW EXCLUSIVE on each referenced table and the copy: milliseconds a statement, after waiting up to 1 s a try; validation takes a weaker lock
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
    names CONSTANT name[] := ARRAY['events_account_id_fkey'];
    referenced CONSTANT regclass[] := ARRAY['"public"."accounts"']::text[]::regclass[];
    target regclass;
BEGIN
    FOR i IN 1 .. cardinality(names) LOOP
        -- The parent's first: its partitions' go with it. What an interrupted run left on partitions, then.
        FOR target IN SELECT relid FROM pg_partition_tree('"public"."events_pgcleave_copy"') ORDER BY level LOOP
            IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = target AND conname = names[i]) THEN
                -- What it refers to is locked beforehand, where we may, or together with the drop.
                PERFORM "public"."events_pgcleave_lock"(referenced[i],
                    ARRAY(SELECT format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', referenced[i])
                           WHERE has_table_privilege(referenced[i], 'UPDATE, DELETE, TRUNCATE'))
                    || format('ALTER TABLE %s DROP CONSTRAINT %I', target, names[i]));
            END IF;
        END LOOP;
    END LOOP;
END
$pgcleave$;
UPDATE "public"."events_pgcleave_state" SET foreign_keys_added = false;

COMMIT;
