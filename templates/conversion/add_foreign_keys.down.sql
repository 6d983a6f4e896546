DO $pgcleave$
DECLARE
    names CONSTANT name[] := ARRAY[{{ c.foreign_key_names.sql() }}];
    referenced CONSTANT regclass[] := ARRAY[{{ c.foreign_keys_referenced.sql() }}]::text[]::regclass[];
    target regclass;
BEGIN
    FOR i IN 1 .. cardinality(names) LOOP
        -- The parent's first: its partitions' go with it. What an interrupted run left on partitions, then.
        FOR target IN SELECT relid FROM pg_partition_tree({{ c.names.copy.literal().sql() }}) ORDER BY level LOOP
            IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = target AND conname = names[i]) THEN
                -- What it refers to is locked beforehand, where we may, or together with the drop.
                PERFORM {{ c.names.lock.sql() }}(referenced[i],
                    ARRAY(SELECT format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', referenced[i])
                           WHERE has_table_privilege(referenced[i], 'UPDATE, DELETE, TRUNCATE'))
                    || format('ALTER TABLE %s DROP CONSTRAINT %I', target, names[i]));
            END IF;
        END LOOP;
    END LOOP;
END
$pgcleave$;
UPDATE {{ c.names.state.sql() }} SET foreign_keys_added = false;
