ALTER TABLE {{ k.child.sql() }} {{ e.add_columns.sql() }};
{%- for column in e.added.columns() %}
COMMENT ON COLUMN {{ k.child.sql() }}.{{ column.sql() }} IS {{ e.column_comment.sql() }};
{%- endfor %}
-- Looks up the partition key of what a row refers to, and locks it, so that it doesn't move before it is checked.
CREATE FUNCTION {{ e.fill.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave_function$
#variable_conflict use_column
BEGIN
    IF num_nulls({{ e.columns.of("NEW") }}) > 0 THEN
{%- for column in e.added.columns() %}
        NEW.{{ column.sql() }} := NULL;
{%- endfor %}
        RETURN NEW;
    END IF;
    IF num_nulls({{ e.added.of("NEW") }}) = 0 THEN
        IF TG_OP = 'INSERT' THEN
            RETURN NEW; -- given; the foreign key checks it
        END IF;
        -- Unchanged, or set by ON UPDATE CASCADE as the row that is referred to moved.
        IF ROW({{ e.columns.of("NEW") }})::record *= ROW({{ e.columns.of("OLD") }})::record OR ROW({{ e.added.of("NEW") }})::record *<> ROW({{ e.added.of("OLD") }})::record THEN
            RETURN NEW;
        END IF;
    END IF;
    SELECT {{ e.partition_key.of("p") }} INTO {{ e.added.of("NEW") }} FROM {{ c.names.source.sql() }} p WHERE {{ e.parent_of_new.sql() }} FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
            MESSAGE = format('insert or update on table "%s" violates foreign key constraint "%s"', {{ k.child.name.literal().sql() }}, {{ k.name.literal().sql() }}),
            DETAIL = format('Key (%s)=(%s) is not present in table "%s".', {{ e.column_names.sql() }}, concat_ws(', ', {{ e.columns.of("NEW") }}), {{ c.names.source.name.literal().sql() }}),
            SCHEMA = {{ k.child.schema.literal().sql() }}, TABLE = {{ k.child.name.literal().sql() }}, CONSTRAINT = {{ k.name.literal().sql() }};
    END IF;
    RETURN NEW;
END
$pgcleave_function$;
ALTER FUNCTION {{ e.fill.sql() }}() OWNER TO {{ c.owner.sql() }};
CREATE TRIGGER {{ e.fill_trigger.sql() }} BEFORE INSERT OR UPDATE ON {{ k.child.sql() }}
    FOR EACH ROW EXECUTE FUNCTION {{ e.fill.sql() }}();
-- ALWAYS: rows that replication brings lack the column, too.
ALTER TABLE {{ k.child.sql() }} ENABLE ALWAYS TRIGGER {{ e.fill_trigger.sql() }};
DO $pgcleave_function$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT DISTINCT a.grantee FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         WHERE a.grantee <> p.proowner AND p.oid = {{ e.fill.literal().sql() }}::regproc
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s() FROM %s', {{ e.fill.literal().sql() }},
            CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(granted.grantee)) END);
    END LOOP;
END
$pgcleave_function$;
-- Beside the old one, which holds until every row is filled.
ALTER TABLE {{ k.child.sql() }} RENAME CONSTRAINT {{ k.name.sql() }} TO {{ e.old_name.sql() }};
ALTER TABLE {{ k.child.sql() }} ADD CONSTRAINT {{ k.name.sql() }} {{ e.definition.sql() }} NOT VALID{{ e.comment.sql() }}
