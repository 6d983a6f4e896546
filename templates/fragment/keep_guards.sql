{%- for guard in c.guards %}
-- Brings the guard's row for a row of the table to what that row holds now. While the partitioned table follows, two
-- rows may hold one value for a moment, whichever event comes first; when it leads, that is a unique violation.
CREATE OR REPLACE FUNCTION {{ guard.keep.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
#variable_conflict use_column
DECLARE
    pgcleave_held {{ guard.table.sql() }};  -- what the row held before
    pgcleave_holds {{ guard.table.sql() }}; -- what it holds now, wherever it stands
    was_there boolean := false;
    is_there boolean := false;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        SELECT {{ guard.entry.sql() }} INTO pgcleave_held FROM (SELECT OLD.*) r WHERE {{ guard.filter.sql() }};
        was_there := FOUND;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        SELECT {{ guard.entry.sql() }} INTO pgcleave_holds FROM {{ relation.sql() }} r WHERE {{ c.row_key.equal("r", "NEW") }} AND {{ guard.filter.sql() }};
        is_there := FOUND;
{%- if leads %}
    ELSE
        -- A move to another partition comes as DELETE and INSERT; the note says where to.
        DELETE FROM {{ guard.moves.sql() }} m WHERE {{ c.row_key.equal("m", "OLD") }} RETURNING (m.moved_to).* INTO pgcleave_holds;
        IF FOUND THEN
            SELECT {{ guard.entry.sql() }} INTO pgcleave_holds FROM {{ relation.sql() }} r
             WHERE {{ c.row_key.equal("r", "pgcleave_holds") }} AND {{ guard.filter.sql() }};
            is_there := FOUND;
        END IF;
{%- endif %}
    END IF;
    IF was_there AND is_there THEN
        IF pgcleave_held *= pgcleave_holds THEN
            RETURN NULL;
        END IF;
{%- if leads %}
        -- Waits for whoever gives up the new value at this moment; behind an old snapshot's back it is a 40001.
        PERFORM FROM {{ guard.table.sql() }} o WHERE {{ guard.key_columns.equal("o", "pgcleave_holds") }}
            AND NOT ({{ guard.key_columns.equal("o", "pgcleave_held") }}) FOR KEY SHARE;
{%- endif %}
        -- An UPDATE, so that foreign keys follow as ON UPDATE says.
        UPDATE {{ guard.table.sql() }} g SET ({{ guard.columns.sql() }}) = ROW({{ guard.columns.of("pgcleave_holds") }})
         WHERE {{ guard.key_columns.equal("g", "pgcleave_held") }} AND {{ c.row_key.equal("g", "pgcleave_held") }}
           AND NOT EXISTS (SELECT FROM {{ guard.table.sql() }} o WHERE {{ guard.key_columns.equal("o", "pgcleave_holds") }}
                              AND NOT ({{ guard.key_columns.equal("o", "pgcleave_held") }}));
        IF FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    IF is_there THEN
        INSERT INTO {{ guard.table.sql() }} ({{ guard.columns.sql() }}) VALUES ({{ guard.columns.of("pgcleave_holds") }}) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            -- A statement of its own, for its snapshot: the INSERT may have waited for another's.
            UPDATE {{ guard.table.sql() }} g SET ({{ guard.columns.sql() }}) = ROW({{ guard.columns.of("pgcleave_holds") }})
             WHERE {{ guard.key_columns.equal("g", "pgcleave_holds") }}
{%- if leads %}
               AND ({{ c.row_key.equal("g", "pgcleave_holds") }}
                    OR NOT EXISTS (SELECT FROM (SELECT {{ guard.entry.sql() }} FROM {{ relation.sql() }} r WHERE {{ c.row_key.equal("r", "g") }} AND {{ guard.filter.sql() }}) e
                                    WHERE {{ guard.key_columns.equal("e", "g") }}));
            IF NOT FOUND THEN
                RAISE EXCEPTION USING ERRCODE = 'unique_violation',
                    MESSAGE = 'duplicate key value violates unique constraint "' || {{ guard.key.literal().sql() }} || '"',
                    DETAIL = format('Key %s=(%s) already exists.', {{ guard.terms.sql() }}, concat_ws(', ', {{ guard.key_columns.list().of("pgcleave_holds") }})),
                    SCHEMA = {{ relation.schema.literal().sql() }}, TABLE = {{ relation.name.literal().sql() }},
                    CONSTRAINT = {{ guard.key.literal().sql() }};
            END IF;
{%- else %};
{%- endif %}
        END IF;
    END IF;
    IF was_there THEN
{%- if leads %}
        -- The new value stood there still, for a row that gives it up in the same statement.
        IF is_there AND NOT ({{ guard.key_columns.equal("pgcleave_held", "pgcleave_holds") }})
           AND EXISTS (SELECT FROM {{ guard.table.sql() }} g WHERE {{ guard.key_columns.equal("g", "pgcleave_held") }} AND {{ c.row_key.equal("g", "pgcleave_held") }})
           AND EXISTS (SELECT FROM pg_constraint WHERE confrelid = {{ guard.table.literal().sql() }}::regclass AND contype = 'f') THEN
            RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
                MESSAGE = 'this change of a key of ' || {{ c.label.sql() }} || ', to which foreign keys refer, meets another row that holds the new value still',
                HINT = 'change that row first, in a statement of its own';
        END IF;
{%- endif %}
        DELETE FROM {{ guard.table.sql() }} g
         WHERE {{ guard.key_columns.equal("g", "pgcleave_held") }} AND {{ c.row_key.equal("g", "pgcleave_held") }}
{%- if leads %}
           AND NOT EXISTS (SELECT FROM (SELECT {{ guard.entry.sql() }} FROM {{ relation.sql() }} r WHERE {{ c.row_key.equal("r", "pgcleave_held") }} AND {{ guard.filter.sql() }}) e
                            WHERE {{ guard.key_columns.equal("e", "pgcleave_held") }});
{%- else %}
           -- The row that takes its place in the copy, or the one that has the value now, finds it there: a foreign key of
           -- the table to itself must not take a move for a deletion.
           AND NOT EXISTS (SELECT FROM (SELECT {{ guard.entry.sql() }} FROM ONLY {{ c.names.source.sql() }} r WHERE {{ guard.filter.sql() }}) e
                            WHERE {{ guard.key_columns.equal("e", "pgcleave_held") }});
{%- endif %}
    END IF;
    RETURN NULL;
END
$pgcleave$;
{%- endfor %}
