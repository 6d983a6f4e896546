-- Adds the table's foreign keys to the copy without a long lock on the referenced tables: not valid on
-- each partition, validated there, then adopted by the parent without a scan. From PostgreSQL 18 on the
-- parent itself can have them not valid.
CREATE PROCEDURE {{ c.names.add_foreign_keys.sql() }}()
LANGUAGE plpgsql
AS $pgcleave$
DECLARE
    copy CONSTANT regclass := {{ c.names.copy.literal().sql() }};
    names CONSTANT name[] := ARRAY[{{ c.foreign_key_names.sql() }}];
    definitions CONSTANT text[] := ARRAY[{{ c.foreign_key_definitions.sql() }}];
    validated CONSTANT boolean[] := ARRAY[{{ c.foreign_keys_validated.sql() }}];
    referenced CONSTANT regclass[] := ARRAY[{{ c.foreign_keys_referenced.sql() }}]::text[]::regclass[];
    targets regclass[];
    target regclass;
    may_lock boolean;
BEGIN
    COMMIT; -- fails at once inside a transaction block
    SET LOCAL search_path = pg_catalog, pg_temp;
    IF current_setting('server_version_num')::int >= 180000 THEN
        targets := ARRAY[copy];
    ELSE
        targets := ARRAY(SELECT relid FROM pg_partition_tree(copy) WHERE isleaf ORDER BY relid);
    END IF;
    FOR i IN 1 .. cardinality(names) LOOP
        FOREACH target IN ARRAY targets LOOP
            COMMIT;
            SET LOCAL search_path = pg_catalog, pg_temp;
            may_lock := has_table_privilege(referenced[i], 'UPDATE, DELETE, TRUNCATE');
            IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = target AND conname = names[i]) THEN
                -- What is referred to before the copy, as applications lock them: the other order deadlocks. Without the
                -- right to do so it is locked together with the copy.
                PERFORM {{ c.names.lock.sql() }}(referenced[i],
                    ARRAY(SELECT format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', referenced[i]) WHERE may_lock)
                    || format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', target, names[i], definitions[i]));
            END IF;
            COMMIT;
            SET LOCAL search_path = pg_catalog, pg_temp;
            IF validated[i] AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = target AND conname = names[i] AND NOT convalidated) THEN
                PERFORM {{ c.names.lock.sql() }}(target, ARRAY[
                    format('ALTER TABLE %s VALIDATE CONSTRAINT %I', target, names[i])]);
            END IF;
        END LOOP;
        COMMIT;
        SET LOCAL search_path = pg_catalog, pg_temp;
        IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = copy AND conname = names[i]) THEN
            PERFORM {{ c.names.lock.sql() }}(referenced[i],
                ARRAY(SELECT format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', referenced[i]) WHERE may_lock)
                || format('ALTER TABLE %s ADD CONSTRAINT %I %s', copy, names[i], definitions[i]));
        END IF;
    END LOOP;
    UPDATE {{ c.names.state.sql() }} SET foreign_keys_added = true;
    COMMIT;
END
$pgcleave$;
ALTER PROCEDURE {{ c.names.add_foreign_keys.sql() }}() OWNER TO {{ c.owner.sql() }};
