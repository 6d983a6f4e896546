-- Takes a page of primary keys (all of them for NULL) with all their entries from the change log and
-- brings their rows in the copy to what the source holds now. Returns the number of entries taken.
-- Its statements must see one snapshot: call it in a REPEATABLE READ transaction, or with the source
-- locked against writers. A page of 0 does nothing but have the session plan the statements.
-- Planned once a session, as planning takes long with many partitions, and by index, row by row: what was written
-- lately is in memory, and a page is little of the table.
CREATE FUNCTION {{ c.names.drain.sql() }}(pgcleave_page bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off
    SET plan_cache_mode = force_generic_plan SET random_page_cost = 1 SET enable_hashjoin = off SET enable_mergejoin = off
AS $pgcleave$
#variable_conflict use_column
DECLARE
    taken bigint;
BEGIN
    IF pgcleave_page IS DISTINCT FROM 0 THEN
        DELETE FROM {{ c.names.truncations.sql() }};
        IF FOUND THEN
            -- Whatever the source holds now was written after its TRUNCATE, and is in the change log.
            TRUNCATE {{ c.names.copy.sql() }};
        END IF;
    END IF;
{%- for unique in c.deferrable_unique_keys_of_copy %}
    SET CONSTRAINTS {{ unique.copy.sql() }} IMMEDIATE; -- at the end of the INSERT below, not at COMMIT, where nobody could take the whole log
{%- endfor %}
    BEGIN
        DELETE FROM {{ c.names.copy.sql() }} c
         USING {{ c.names.log.sql() }} l,
               (SELECT DISTINCT {{ c.primary_key.list().sql() }} FROM {{ c.names.log.sql() }}
                 ORDER BY {{ c.primary_key.list().sql() }} LIMIT pgcleave_page) k
         WHERE {{ c.primary_key.equal("l", "k") }} AND {{ c.row_key.equal("c", "l") }};
        INSERT INTO {{ c.names.copy.sql() }} ({{ c.writable_columns.sql() }}) OVERRIDING SYSTEM VALUE
        SELECT {{ c.writable_columns.of("s") }}
          FROM ONLY {{ c.names.source.sql() }} s
          JOIN (SELECT DISTINCT {{ c.primary_key.list().sql() }} FROM {{ c.names.log.sql() }}
                 ORDER BY {{ c.primary_key.list().sql() }} LIMIT pgcleave_page) k ON {{ c.primary_key.equal("s", "k") }};
    EXCEPTION WHEN unique_violation OR exclusion_violation THEN
        -- Two rows have exchanged values of a unique key or an exclusion constraint, and only one of them is on this page.
        IF pgcleave_page IS NULL THEN
            RAISE;
        END IF;
        RETURN {{ c.names.drain.sql() }}(NULL);
    END;
    DELETE FROM {{ c.names.log.sql() }} l
     USING (SELECT DISTINCT {{ c.primary_key.list().sql() }} FROM {{ c.names.log.sql() }}
             ORDER BY {{ c.primary_key.list().sql() }} LIMIT pgcleave_page) k
     WHERE {{ c.primary_key.equal("l", "k") }};
    GET DIAGNOSTICS taken = ROW_COUNT;
    RETURN taken;
END
$pgcleave$;
ALTER FUNCTION {{ c.names.drain.sql() }}(bigint) OWNER TO {{ c.owner.sql() }};
