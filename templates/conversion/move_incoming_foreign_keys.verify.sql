DO $pgcleave$
DECLARE
    keys text;
BEGIN
    SELECT string_agg(format('%I of %s', conname, conrelid::regclass), ', ') INTO keys
      FROM pg_constraint
     WHERE confrelid = {{ c.names.retired.literal().sql() }}::regclass AND conrelid <> confrelid AND contype = 'f' AND conparentid = 0;
    IF keys IS NOT NULL OR NOT (SELECT foreign_keys_moved FROM {{ c.names.state.sql() }}) THEN
        RAISE EXCEPTION USING MESSAGE = 'foreign keys still point at the retired table: ' || coalesce(keys, 'those that were to be moved');
    END IF;
END
$pgcleave$;
