-- Phase C: brings the retired table's row to what the new table holds now.
CREATE OR REPLACE FUNCTION {{ c.names.reverse.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
#variable_conflict use_column
{%- if c.is_referenced() %}
DECLARE
    pgcleave_moved_to {{ c.names.log.sql() }};
{%- endif %}
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        -- An old snapshot still shows a row that another transaction has deleted since: locking it says so (40001).
        IF TG_OP <> 'INSERT' THEN
            PERFORM FROM {{ c.names.source.sql() }} n WHERE {{ c.primary_key.equal("n", "OLD") }} FOR KEY SHARE;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM FROM {{ c.names.source.sql() }} n WHERE {{ c.primary_key.equal("n", "NEW") }} FOR KEY SHARE;
        END IF;
    END IF;
{%- if c.is_referenced() %}
    -- A new primary key is an UPDATE of the retired table's row, so that foreign keys follow it as ON UPDATE says;
    -- also where the row moves to another partition by the same UPDATE, which comes as DELETE and INSERT.
    IF TG_OP = 'DELETE' THEN
        DELETE FROM {{ c.names.moves.sql() }} m WHERE {{ c.row_key.equal("m", "OLD") }}
        RETURNING (m.pgcleave_moved_to).* INTO pgcleave_moved_to;
    ELSIF TG_OP = 'UPDATE' THEN
        IF NOT ({{ c.primary_key.equal("OLD", "NEW") }}) THEN
            pgcleave_moved_to := ROW({{ c.log_columns.of("NEW") }});
        END IF;
    END IF;
    IF NOT (pgcleave_moved_to IS NULL) THEN -- IS NOT NULL would ask for every field
        UPDATE {{ c.names.retired.sql() }} r SET ({{ c.writable_columns.sql() }}) = ROW({{ c.writable_columns.of("n") }})
          FROM {{ c.names.source.sql() }} n
         WHERE {{ c.primary_key.equal("r", "OLD") }} AND {{ c.row_key.equal("n", "pgcleave_moved_to") }}
           AND NOT EXISTS (SELECT FROM {{ c.names.retired.sql() }} o WHERE {{ c.primary_key.equal("o", "pgcleave_moved_to") }});
        IF FOUND THEN
            -- Another row may bear the old key by now. If the same command gave it to it, its own event is still to
            -- come; if a later one did, its event is past and met the row that was there before.
            INSERT INTO {{ c.names.retired.sql() }} ({{ c.writable_columns.sql() }}) OVERRIDING SYSTEM VALUE
            SELECT {{ c.writable_columns.of("o") }} FROM {{ c.names.source.sql() }} o, {{ c.names.source.sql() }} n
             WHERE {{ c.primary_key.equal("o", "OLD") }} AND {{ c.row_key.equal("n", "pgcleave_moved_to") }}
               AND NOT (o.xmin = n.xmin AND o.cmin = n.cmin);
            RETURN NULL;
        END IF;
        IF EXISTS (SELECT FROM {{ c.names.retired.sql() }} r WHERE {{ c.primary_key.equal("r", "OLD") }})
           AND NOT EXISTS (SELECT FROM {{ c.names.source.sql() }} n WHERE {{ c.primary_key.equal("n", "OLD") }}) THEN
            RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
                MESSAGE = 'this change of a primary key of ' || {{ c.label.sql() }} || ' cannot be carried to the retired table, to which foreign keys refer',
                HINT = 'change the primary key in a statement of its own, and not from within a trigger';
        END IF;
    END IF;
{%- endif %}
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND NOT ({{ c.primary_key.equal("OLD", "NEW") }})) THEN
        -- Moving a row to another partition fires DELETE, then INSERT, when the row stands there already.
        -- Looked up by the whole primary key, so that foreign keys at the retired table don't fire.
        DELETE FROM {{ c.names.retired.sql() }} r
         WHERE {{ c.primary_key.equal("r", "OLD") }}
           AND NOT EXISTS (SELECT FROM {{ c.names.source.sql() }} n WHERE {{ c.primary_key.equal("n", "OLD") }});
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN NULL;
    END IF;
{%- for unique in c.deferrable_unique_keys %}
    -- Checked at COMMIT: two rows may have exchanged values, and the other's event is yet to come.
    IF current_setting('pgcleave.deferred', true) IS DISTINCT FROM statement_timestamp()::text
       OR EXISTS (SELECT FROM {{ c.names.retired.sql() }} r, {{ c.names.source.sql() }} n
                   WHERE {{ c.row_key.equal("n", "NEW") }} AND {{ unique.columns.equal("r", "n") }} AND NOT ({{ c.primary_key.equal("r", "n") }})) THEN
        SET CONSTRAINTS {{ unique.retired.sql() }} DEFERRED;
    END IF;
{%- endfor %}
{%- if !c.deferrable_unique_keys.is_empty() %}
    PERFORM set_config('pgcleave.deferred', statement_timestamp()::text, true);
{%- endif %}
{%- if !c.is_referenced() %}
{%- for unique in c.other_unique_keys %}
    -- A row that still holds the value is one that this transaction has changed too: its own event brings it back.
    DELETE FROM {{ c.names.retired.sql() }} r USING {{ c.names.source.sql() }} n
     WHERE {{ c.row_key.equal("n", "NEW") }} AND {{ unique.equal("r", "n") }} AND NOT ({{ c.primary_key.equal("r", "n") }})
       AND NOT EXISTS (SELECT FROM {{ c.names.source.sql() }} o
                        WHERE {{ c.primary_key.equal("o", "r") }} AND {{ unique.equal("o", "r") }});
{%- endfor %}
{%- endif %}
{%- if !c.is_referenced() %}
{%- for exclusion in c.exclusions %}
    -- The same for rows that an exclusion constraint keeps apart.
    DELETE FROM {{ c.names.retired.sql() }} r
     USING (SELECT {{ c.log_columns.of("x") }}
              FROM (SELECT *, {{ exclusion.elements.sql() }} FROM {{ c.names.retired.sql() }}{{ exclusion.filter.sql() }}) x,
                   (SELECT *, {{ exclusion.elements.sql() }} FROM {{ c.names.source.sql() }}{{ exclusion.filter.sql() }}) n
             WHERE {{ c.row_key.equal("n", "NEW") }} AND {{ exclusion.conflict.equal("x", "n") }} AND NOT ({{ c.primary_key.equal("x", "n") }})
               AND NOT EXISTS (SELECT FROM (SELECT *, {{ exclusion.elements.sql() }} FROM {{ c.names.source.sql() }}{{ exclusion.filter.sql() }}) o
                                WHERE {{ c.primary_key.equal("o", "x") }} AND {{ exclusion.conflict.equal("o", "n") }})) stale
     WHERE {{ c.primary_key.equal("r", "stale") }};
{%- endfor %}
{%- endif %}
{%- if c.key_extended() %}
    IF TG_OP = 'INSERT' OR NOT ({{ c.primary_key.equal("OLD", "NEW") }}) THEN
        INSERT INTO {{ c.names.retired.sql() }} ({{ c.writable_columns.sql() }}) OVERRIDING SYSTEM VALUE
        SELECT {{ c.writable_columns.of("n") }}
          FROM {{ c.names.source.sql() }} n WHERE {{ c.row_key.equal("n", "NEW") }}
        ON CONFLICT ({{ c.primary_key.list().sql() }}) DO NOTHING;
        IF FOUND THEN
            RETURN NULL; -- the retired table's unique index says that nobody else has this primary key
        END IF;
    END IF;
{%- endif %}
    INSERT INTO {{ c.names.retired.sql() }} ({{ c.writable_columns.sql() }}) OVERRIDING SYSTEM VALUE
    SELECT {{ c.writable_columns.of("n") }}
      FROM {{ c.names.source.sql() }} n WHERE {{ c.row_key.equal("n", "NEW") }}
    ON CONFLICT ({{ c.primary_key.list().sql() }}) {{ c.upsert_by_primary_key.sql() }};
{%- if c.key_extended() %}
    -- A statement of its own, for its snapshot: the upsert may have waited for another's INSERT.
    IF (TG_OP = 'INSERT' OR NOT ({{ c.primary_key.equal("OLD", "NEW") }}))
       AND EXISTS (SELECT FROM {{ c.names.source.sql() }} n
                    WHERE {{ c.primary_key.equal("n", "NEW") }} AND NOT ({{ c.row_key.equal("n", "NEW") }})) THEN
        RAISE EXCEPTION USING ERRCODE = 'unique_violation',
            MESSAGE = 'duplicate key value violates unique constraint "' || {{ c.primary_key_name.literal().sql() }} || '"',
            DETAIL = 'A row of another partition has this primary key already.',
            SCHEMA = {{ c.names.source.schema.literal().sql() }}, TABLE = {{ c.names.source.name.literal().sql() }},
            CONSTRAINT = {{ c.primary_key_name.literal().sql() }};
    END IF;
{%- endif %}
    RETURN NULL;
END
$pgcleave$;
{%- if c.is_referenced() %}
-- Remembers where a row goes whose primary key and partition change in one UPDATE.
CREATE OR REPLACE FUNCTION {{ c.names.note_moves.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
DECLARE
    stays boolean;
BEGIN
    EXECUTE 'SELECT ' || pg_get_partition_constraintdef(TG_RELID) || ' FROM (SELECT ($1).*) row_to_be' INTO stays USING NEW;
    IF NOT stays THEN
        INSERT INTO {{ c.names.moves.sql() }} SELECT {{ c.log_columns.of("OLD") }}, ROW({{ c.log_columns.of("NEW") }})::{{ c.names.log.sql() }};
    END IF;
    RETURN NEW;
END
$pgcleave$;
{%- endif %}
CREATE OR REPLACE FUNCTION {{ c.names.reverse_truncate.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
{%- if c.is_referenced() %}
DECLARE
    child record;
    is_referenced boolean;
    referenced boolean := false;
{%- endif %}
BEGIN
{%- if c.is_referenced() %}
{%- let follower = c.names.retired.clone() %}
{%- include "fragment/refuse_truncate_of_referenced.sql" %}
{%- endif %}
{%- include "fragment/check_foreign_keys_now.sql" %}
{%- for unique in c.deferrable_unique_keys %}
    SET CONSTRAINTS {{ unique.retired.sql() }} IMMEDIATE;
{%- endfor %}
    IF TG_RELID = {{ c.names.source.literal().sql() }}::regclass THEN -- the partitioned table: all its partitions
{%- if c.is_referenced() %}
        DELETE FROM {{ c.names.retired.sql() }}; -- TRUNCATE is not possible where foreign keys refer to it
{%- else %}
        TRUNCATE {{ c.names.retired.sql() }};
{%- endif %}
    ELSE -- a partition: the rows of its range, of which the whole TRUNCATE left none
        EXECUTE {{ c.delete_retired_where.sql() }} || pg_get_partition_constraintdef(TG_RELID);
    END IF;
    RETURN NULL;
END
$pgcleave$;
-- The forward sync ends; the guard keeps applications off the retired table.
CREATE OR REPLACE FUNCTION {{ c.names.sync.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
BEGIN
    RETURN NULL; -- the retired table is written by the reverse sync
END
$pgcleave$;
ALTER TABLE {{ c.names.retired.sql() }} ENABLE ALWAYS TRIGGER pgcleave_guard;
CREATE OR REPLACE FUNCTION {{ c.names.sync_truncate.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
BEGIN
    IF pg_trigger_depth() <= 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = {{ c.label.sql() }} || ' was partitioned, and this is the retired table, kept for a rollback',
            HINT = 'truncate the partitioned table, which has the old name';
    END IF;
    RETURN NULL;
END
$pgcleave$;
