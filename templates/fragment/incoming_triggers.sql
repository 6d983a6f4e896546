ALTER TABLE {{ k.child.sql() }} DROP CONSTRAINT {{ k.name.sql() }};
-- What refers must find what it refers to, and lock it as a foreign key does.
CREATE FUNCTION {{ t.check.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave_function$
#variable_conflict use_column
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF ROW({{ t.columns.of("NEW") }})::record *= ROW({{ t.columns.of("OLD") }})::record THEN
            RETURN NULL; -- checked when it was written
        END IF;
    END IF;
    IF num_nulls({{ t.columns.of("NEW") }}) > 0 THEN
{%- if t.match_full %}
        IF num_nulls({{ t.columns.of("NEW") }}) < {{ t.column_count.sql() }} THEN
            RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
                MESSAGE = format('insert or update on table "%s" violates foreign key constraint "%s"', {{ k.child.name.literal().sql() }}, {{ k.name.literal().sql() }}),
                DETAIL = 'MATCH FULL does not allow mixing of null and nonnull key values.',
                SCHEMA = {{ k.child.schema.literal().sql() }}, TABLE = {{ k.child.name.literal().sql() }}, CONSTRAINT = {{ k.name.literal().sql() }};
        END IF;
{%- endif %}
        RETURN NULL;
    END IF;
    PERFORM FROM {{ c.names.source.sql() }} p WHERE {{ t.parent_of_new.sql() }} FOR KEY SHARE;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    -- A row that was changed or deleted since needs nothing.
    IF has_table_privilege({{ k.child.literal().sql() }}, 'SELECT') AND NOT row_security_active({{ k.child.literal().sql() }}) THEN
        PERFORM FROM {{ t.from_child.sql() }} c WHERE ROW({{ t.columns.of("c") }})::record *= ROW({{ t.columns.of("NEW") }})::record LIMIT 1;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
        MESSAGE = format('insert or update on table "%s" violates foreign key constraint "%s"', {{ k.child.name.literal().sql() }}, {{ k.name.literal().sql() }}),
        DETAIL = format('Key (%s)=(%s) is not present in table "%s".', {{ t.column_names.sql() }}, concat_ws(', ', {{ t.columns.of("NEW") }}), {{ c.names.source.name.literal().sql() }}),
        SCHEMA = {{ k.child.schema.literal().sql() }}, TABLE = {{ k.child.name.literal().sql() }}, CONSTRAINT = {{ k.name.literal().sql() }};
END
$pgcleave_function$;
ALTER FUNCTION {{ t.check.sql() }}() OWNER TO {{ c.owner.sql() }};
-- Whether a row of any partition has the key: a move to another partition comes as DELETE and INSERT.
CREATE FUNCTION {{ t.is_held.sql() }}({{ t.key_types.sql() }}) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave_function$
BEGIN
    PERFORM FROM {{ c.names.source.sql() }} p WHERE {{ t.parent_of_arguments.sql() }} FOR KEY SHARE;
    RETURN FOUND;
END
$pgcleave_function$;
ALTER FUNCTION {{ t.is_held.sql() }}({{ t.key_types.sql() }}) OWNER TO {{ c.owner.sql() }};
CREATE FUNCTION {{ t.act.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave_function$
#variable_conflict use_column
DECLARE
    which text := '';
BEGIN
    -- Values are shown to those only who may read them.
    IF has_table_privilege(session_user, {{ c.names.source.literal().sql() }}, 'SELECT')
       AND NOT (SELECT relrowsecurity FROM pg_class WHERE oid = {{ c.names.source.literal().sql() }}::regclass) THEN
        which := format('(%s)=(%s) ', {{ t.key_names.sql() }}, concat_ws(', ', {{ t.key.of("OLD") }}));
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF ROW({{ t.key.of("NEW") }})::record *= ROW({{ t.key.of("OLD") }})::record THEN
            RETURN NULL;
        END IF;
{%- if t.update_acts %}
        {{ t.on_update.sql() }};
{%- endif %}
{%- if t.update_checks %}
        IF {{ t.is_held.sql() }}({{ t.key.of("OLD") }}) THEN
            RETURN NULL; -- another row has it
        END IF;
        PERFORM FROM {{ t.from_child.sql() }} c WHERE {{ t.child_of_old.sql() }} LIMIT 1 FOR KEY SHARE;
        IF FOUND THEN
{%- let restricts = t.update_restricts %}
{%- include "fragment/raise_still_referenced.sql" %}
        END IF;
{%- endif %}
        RETURN NULL;
    END IF;
    IF {{ t.is_held.sql() }}({{ t.key.of("OLD") }}) THEN
        RETURN NULL; -- moved to another partition, or another row has it
    END IF;
{%- if t.delete_acts %}
    {{ t.on_delete.sql() }};
{%- endif %}
{%- if t.delete_checks %}
    PERFORM FROM {{ t.from_child.sql() }} c WHERE {{ t.child_of_old.sql() }} LIMIT 1 FOR KEY SHARE;
    IF FOUND THEN
{%- let restricts = t.delete_restricts %}
{%- include "fragment/raise_still_referenced.sql" %}
    END IF;
{%- endif %}
    RETURN NULL;
END
$pgcleave_function$;
ALTER FUNCTION {{ t.act.sql() }}() OWNER TO {{ t.child_owner.sql() }};
-- A new key in another partition comes as DELETE and INSERT, which don't say that they belong together: where the
-- foreign key changes what refers to a deleted row, that must not be taken for one.
CREATE FUNCTION {{ t.refuse_move.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave_function$
#variable_conflict use_column
DECLARE
    stays boolean;
    which CONSTANT text := '';
BEGIN
    EXECUTE 'SELECT ' || pg_get_partition_constraintdef(TG_RELID) || ' FROM (SELECT ($1).*) row_to_be' INTO stays USING NEW;
    IF NOT stays THEN
        PERFORM FROM {{ t.from_child.sql() }} c WHERE {{ t.child_of_old.sql() }} LIMIT 1;
        IF FOUND THEN
{%- if t.update_acts %}
            RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
                MESSAGE = format('a key of %s cannot change together with the partition while rows of %s refer to it',
                                 {{ c.label.sql() }}, {{ k.child.literal().sql() }}),
                HINT = 'change the key and the partition key in two statements',
                SCHEMA = {{ k.child.schema.literal().sql() }}, TABLE = {{ k.child.name.literal().sql() }}, CONSTRAINT = {{ k.name.literal().sql() }};
{%- else %}
{%- let restricts = t.update_restricts %}
{%- include "fragment/raise_still_referenced.sql" %}
{%- endif %}
        END IF;
    END IF;
    RETURN NEW;
END
$pgcleave_function$;
ALTER FUNCTION {{ t.refuse_move.sql() }}() OWNER TO {{ t.child_owner.sql() }};
CREATE FUNCTION {{ t.refuse_truncate.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave_function$
BEGIN
    -- As PostgreSQL refuses it, but where the table that refers is empty, or was emptied by the same TRUNCATE.
    PERFORM FROM {{ k.child.sql() }} LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
            MESSAGE = 'cannot truncate a table referenced in a foreign key constraint',
            DETAIL = format('Table "%s" references "%s".', {{ k.child.name.literal().sql() }}, {{ c.names.source.name.literal().sql() }}),
            HINT = format('Truncate table "%s" at the same time, by name.', {{ k.child.name.literal().sql() }});
    END IF;
    RETURN NULL;
END
$pgcleave_function$;
ALTER FUNCTION {{ t.refuse_truncate.sql() }}() OWNER TO {{ t.child_owner.sql() }};
CREATE CONSTRAINT TRIGGER {{ k.name.sql() }} AFTER INSERT OR UPDATE ON {{ k.child.sql() }}
    {{ t.deferrability.sql() }}FOR EACH ROW EXECUTE FUNCTION {{ t.check.sql() }}();
COMMENT ON TRIGGER {{ k.name.sql() }} ON {{ k.child.sql() }} IS {{ t.comment.sql() }};
{%- for trigger in t.parent_triggers %}
{{ trigger.create.sql() }};
{%- endfor %}
DO $pgcleave_function$
DECLARE
    relation regclass;
    granted record;
BEGIN
    -- A statement trigger isn't cloned to partitions.
    FOR relation IN SELECT relid FROM pg_partition_tree({{ c.names.source.literal().sql() }}) LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s()',
            {{ t.truncate_trigger.literal().sql() }}, relation, {{ t.refuse_truncate.literal().sql() }});
    END LOOP;
    -- Nobody else may call them; firing a trigger needs no right.
    FOR granted IN
        SELECT DISTINCT p.oid::regprocedure AS routine, a.grantee
          FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         WHERE a.grantee <> p.proowner
           AND p.oid IN ({% for f in t.functions() %}{{ f.literal().sql() }}::regproc{% if !loop.last %}, {% endif %}{% endfor %})
    LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM %s', granted.routine,
            CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(granted.grantee)) END);
    END LOOP;
END
$pgcleave_function$;
GRANT EXECUTE ON FUNCTION {{ t.is_held.sql() }}({{ t.key_types.sql() }}) TO {{ t.child_owner.sql() }}
