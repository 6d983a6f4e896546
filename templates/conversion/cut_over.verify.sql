DO $pgcleave$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass({{ c.names.source.literal().sql() }}) AND relkind = 'p')
       OR to_regclass({{ c.names.retired.literal().sql() }}) IS NULL THEN
        RAISE EXCEPTION 'the cutover has not happened';
    END IF;
END
$pgcleave$;
