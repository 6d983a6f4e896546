-- Nobody reads the copy yet. Those that are part of an index of the copy went with it.
DO $pgcleave$
DECLARE
    index record;
BEGIN
    FOR index IN
        SELECT x.indexrelid::regclass AS name, x.indrelid::regclass AS partition, k.conname
          FROM pg_partition_tree({{ c.names.copy.literal().sql() }}) t JOIN pg_index x ON x.indrelid = t.relid
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
TRUNCATE {{ c.names.index_builds.sql() }};
