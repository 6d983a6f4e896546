-- A mark of the source's structure and storage: it changes with every DDL, undone or not, and with every
-- rewrite. A verification counts for the mark that it was made under, and for no other.
CREATE FUNCTION {{ c.names.mark.sql() }}(regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $pgcleave$
    SELECT md5(concat_ws(' ', pg_relation_filenode($1),
        (SELECT string_agg(concat(attnum, ':', xmin), ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = $1 AND attnum > 0),
        (SELECT string_agg(concat(oid, ':', xmin), ' ' ORDER BY oid) FROM pg_constraint WHERE conrelid = $1),
        (SELECT string_agg(concat(oid, ':', xmin), ' ' ORDER BY oid) FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal)))
$pgcleave$;
ALTER FUNCTION {{ c.names.mark.sql() }}(regclass) OWNER TO {{ c.owner.sql() }};
