DO $pgcleave$
DECLARE
    missing text;
BEGIN
    SELECT string_agg(f.name, ', ') INTO missing
      FROM unnest(ARRAY[{{ c.foreign_key_names.sql() }}]::name[], ARRAY[{{ c.foreign_keys_validated.sql() }}]) AS f (name, validated)
     WHERE NOT EXISTS (SELECT FROM pg_constraint k
                        WHERE k.conrelid = {{ c.names.copy.literal().sql() }}::regclass AND k.conname = f.name
                          AND k.contype = 'f' AND k.convalidated = f.validated);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING MESSAGE = 'foreign keys missing on the copy: ' || missing;
    END IF;
END
$pgcleave$;
