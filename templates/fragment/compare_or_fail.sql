    DECLARE
        difference text;
    BEGIN
        SELECT string_agg(format('%s: %s rows in the source, %s in the copy%s', partition, source_rows, copy_rows,
                                 CASE WHEN source_rows = copy_rows THEN ', of other content' ELSE '' END), '; ')
                   FILTER (WHERE source_rows <> copy_rows OR source_sum <> copy_sum),
               sum(source_rows)
          INTO difference, compared_rows
          FROM {{ c.names.compare.sql() }}();
        IF difference IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'data_exception',
                MESSAGE = 'source and copy differ: ' || difference,
                HINT = 'this must never happen: see the keys (pgcleave verify --checksum) and please report it';
        END IF;
        RAISE NOTICE 'compared by checksums in one snapshot: % rows on both sides', compared_rows;
    END;
{%- for guard in c.guards %}
    IF (SELECT ROW(count(*), sum(hashtextextended(e::text, 0)::numeric)) FROM (SELECT {{ guard.entry.sql() }} FROM {{ relation.sql() }} r WHERE {{ guard.filter.sql() }}) e)
       IS DISTINCT FROM
       (SELECT ROW(count(*), sum(hashtextextended(e::text, 0)::numeric)) FROM (SELECT {{ guard.columns.sql() }} FROM {{ guard.table.sql() }}) e) THEN
        RAISE EXCEPTION USING ERRCODE = 'data_exception',
            MESSAGE = 'the guard ' || {{ guard.table.literal().sql() }} || ' does not hold the keys that the partitioned table holds',
            HINT = 'this must never happen: roll back to the step build_indexes, go on from there, and please report it';
    END IF;
{%- endfor %}
