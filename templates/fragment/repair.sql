-- Brings one key's rows on the following side to what the leading side holds now. Not part of a
-- conversion: `pgcleave verify --repair` calls it where an invariant broke. Its statements must see one
-- snapshot: call it in a REPEATABLE READ transaction, and try again after 40001 or 23505.
CREATE FUNCTION {{ c.names.repair.sql() }}(pgcleave_key {{ c.names.log.sql() }}) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
#variable_conflict use_column
BEGIN
    PERFORM set_config('pgcleave.repair', 'on', true); -- the guard of the retired table lets this transaction pass
    IF to_regclass({{ c.names.retired.literal().sql() }}) IS NOT NULL THEN
        PERFORM FROM {{ c.names.source.sql() }} s WHERE {{ c.primary_key.equal("s", "pgcleave_key") }} FOR SHARE;
        UPDATE {{ c.names.retired.sql() }} r SET ({{ c.writable_columns.sql() }}) = ROW({{ c.writable_columns.of("s") }})
          FROM {{ c.names.source.sql() }} s
         WHERE {{ c.primary_key.equal("r", "pgcleave_key") }} AND {{ c.primary_key.equal("s", "pgcleave_key") }};
        INSERT INTO {{ c.names.retired.sql() }} ({{ c.writable_columns.sql() }}) OVERRIDING SYSTEM VALUE
        SELECT {{ c.writable_columns.of("s") }} FROM {{ c.names.source.sql() }} s
         WHERE {{ c.primary_key.equal("s", "pgcleave_key") }}
           AND NOT EXISTS (SELECT FROM {{ c.names.retired.sql() }} r WHERE {{ c.primary_key.equal("r", "pgcleave_key") }});
{%- if c.is_referenced() %}
        IF EXISTS (SELECT FROM {{ c.names.retired.sql() }} r WHERE {{ c.primary_key.equal("r", "pgcleave_key") }})
           AND NOT EXISTS (SELECT FROM {{ c.names.source.sql() }} s WHERE {{ c.primary_key.equal("s", "pgcleave_key") }}) THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = format('the retired table holds a row that the table does not: %s; nothing has changed for it', pgcleave_key),
                HINT = 'foreign keys refer to the retired table: delete that row by hand when no child needs it';
        END IF;
{%- else %}
        DELETE FROM {{ c.names.retired.sql() }} r
         WHERE {{ c.primary_key.equal("r", "pgcleave_key") }}
           AND NOT EXISTS (SELECT FROM {{ c.names.source.sql() }} s WHERE {{ c.primary_key.equal("s", "pgcleave_key") }});
{%- endif %}
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE switch_xid IS NULL) THEN
        -- The next catch-up deletes and reads again whatever stands in the change log.
        INSERT INTO {{ c.names.log.sql() }} SELECT (pgcleave_key).*;
        INSERT INTO {{ c.names.log.sql() }} SELECT {{ c.log_columns.of("c") }}
          FROM {{ c.names.copy.sql() }} c WHERE {{ c.primary_key.equal("c", "pgcleave_key") }};
        RETURN;
    END IF;
    -- The lock keeps a writer from changing the row between our reading it and its copy's being right.
    PERFORM FROM ONLY {{ c.names.source.sql() }} s WHERE {{ c.primary_key.equal("s", "pgcleave_key") }} FOR SHARE;
    DELETE FROM {{ c.names.copy.sql() }} c WHERE {{ c.primary_key.equal("c", "pgcleave_key") }};
    INSERT INTO {{ c.names.copy.sql() }} ({{ c.writable_columns.sql() }}) OVERRIDING SYSTEM VALUE
    SELECT {{ c.writable_columns.of("s") }}
      FROM ONLY {{ c.names.source.sql() }} s WHERE {{ c.primary_key.equal("s", "pgcleave_key") }};
END
$pgcleave$;
ALTER FUNCTION {{ c.names.repair.sql() }}({{ c.names.log.sql() }}) OWNER TO {{ c.owner.sql() }};
