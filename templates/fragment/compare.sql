-- Compares both tables in one snapshot: rows, and two independent 64-bit checksums of every whole row,
-- per part of the table. Sums, not XOR, in which equal pairs would cancel out. Keys still in the change log are
-- left out while there is one. After the cutover it compares the new table
-- with the retired one.
-- clock_timestamp() stands there because it is volatile: so the planner doesn't make a row's form once for each
-- hash, and may still use parallel workers, which OFFSET 0 would rule out.
CREATE FUNCTION {{ c.names.compare.sql() }}()
RETURNS TABLE (partition text, source_rows bigint, copy_rows bigint, source_sum text, copy_sum text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET row_security = off SET extra_float_digits = 1
    SET client_encoding = 'UTF8' -- on which a row's binary form depends
AS $pgcleave$
DECLARE
    other CONSTANT regclass := coalesce(to_regclass({{ c.names.retired.literal().sql() }}), to_regclass({{ c.names.copy.literal().sql() }}));
    settled text := '';
BEGIN
    IF EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE switch_xid IS NULL) THEN
        IF EXISTS (SELECT FROM {{ c.names.truncations.sql() }}) THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = 'a TRUNCATE waits in the change log: nothing can be compared yet', HINT = 'run the step catch_up first';
        END IF;
        settled := $pgcleave_text$
            WHERE NOT EXISTS (SELECT FROM {{ c.names.log.sql() }} l WHERE {{ c.primary_key.equal("l", "t") }})$pgcleave_text$;
    END IF;
    RETURN QUERY EXECUTE $pgcleave_text$
        WITH names AS (
            SELECT name, ordinality - 1 AS bucket
              FROM unnest(ARRAY[{{ c.part_names.sql() }}]::text[]) WITH ORDINALITY AS n (name, ordinality)
        ), source AS (
            SELECT bucket, count(*) AS n, concat(sum(hash_record_extended(ROW(r.row), 0)), ' ', sum(hash_record_extended(ROW(r.row), 1))) AS h
              FROM (SELECT {{ c.parts.number.sql() }} AS bucket, {{ c.hashed_row.sql() }} AS row, clock_timestamp()
                      FROM {{ c.names.source.sql() }} t$pgcleave_text$ || settled || $pgcleave_text$) r GROUP BY 1
        ), copy AS (
            SELECT bucket, count(*) AS n, concat(sum(hash_record_extended(ROW(r.row), 0)), ' ', sum(hash_record_extended(ROW(r.row), 1))) AS h
              FROM (SELECT {{ c.parts.number.sql() }} AS bucket, {{ c.hashed_row.sql() }} AS row, clock_timestamp()
                      FROM $pgcleave_text$ || other || $pgcleave_text$ t$pgcleave_text$ || settled || $pgcleave_text$) r GROUP BY 1
        )
        SELECT names.name, coalesce(source.n, 0), coalesce(copy.n, 0), coalesce(source.h, '0 0'), coalesce(copy.h, '0 0')
          FROM names LEFT JOIN source USING (bucket) LEFT JOIN copy USING (bucket)
         ORDER BY bucket$pgcleave_text$;
END
$pgcleave$;
ALTER FUNCTION {{ c.names.compare.sql() }}() OWNER TO {{ c.owner.sql() }};
