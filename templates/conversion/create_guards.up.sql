{%- let relation = c.names.copy.clone() -%}
{%- let leads = false -%}
DO $pgcleave$
BEGIN
    IF to_regproc({{ c.names.reverse.literal().sql() }}) IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the copy has no indexes yet', HINT = 'run the step build_indexes first';
    END IF;
END
$pgcleave$;
{%- for guard in c.guards %}

-- One row per value of {{ guard.key.sql() }}, beside where its row stands. Nobody but us writes to the copy yet.
CREATE {{ c.unlogged.sql() }}TABLE {{ guard.table.sql() }}
{%- if let Some(tablespace) = c.tablespace %} TABLESPACE {{ tablespace.sql() }}{% endif %} AS
    SELECT {{ guard.entry.sql() }} FROM {{ c.names.copy.sql() }} r WHERE {{ guard.filter.sql() }};
{{ guard.add_key.sql() }};
COMMENT ON TABLE {{ guard.table.sql() }} IS {{ guard.comment.sql() }};
-- Where rows go that change their partition; filled and emptied within that statement.
CREATE {{ c.unlogged.sql() }}TABLE {{ guard.moves.sql() }} AS
    SELECT {{ c.row_key.list().of("r") }}, NULL::{{ guard.table.sql() }} AS moved_to FROM {{ c.names.copy.sql() }} r WITH NO DATA;
CREATE INDEX ON {{ guard.moves.sql() }} ({{ c.row_key.list().sql() }});
DO $pgcleave$
DECLARE
    relation regclass;
    granted record;
BEGIN
    FOREACH relation IN ARRAY ARRAY[{{ guard.table.literal().sql() }}, {{ guard.moves.literal().sql() }}]::text[]::regclass[] LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO %I', relation, {{ c.owner.literal().sql() }});
        -- What ALTER DEFAULT PRIVILEGES gave, nobody asked for.
        FOR granted IN
            SELECT DISTINCT a.grantee FROM pg_class t, aclexplode(t.relacl) a WHERE t.oid = relation AND a.grantee <> t.relowner
        LOOP
            EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', relation,
                CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(granted.grantee)) END);
        END LOOP;
    END LOOP;
    RAISE NOTICE 'the guard % takes %', {{ guard.table.literal().sql() }}, pg_size_pretty(pg_total_relation_size({{ guard.table.literal().sql() }}::regclass));
END
$pgcleave$;
{%- endfor %}
{% include "fragment/keep_guards.sql" %}
{%- for guard in c.guards %}
ALTER FUNCTION {{ guard.keep.sql() }}() OWNER TO {{ c.owner.sql() }};
CREATE FUNCTION {{ guard.note_moves.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $pgcleave$
#variable_conflict use_column
DECLARE
    stays boolean;
BEGIN
    EXECUTE 'SELECT ' || pg_get_partition_constraintdef(TG_RELID) || ' FROM (SELECT ($1).*) row_to_be' INTO stays USING NEW;
    IF NOT stays THEN
        INSERT INTO {{ guard.moves.sql() }}
        SELECT {{ c.row_key.list().of("OLD") }}, ROW({{ guard.columns.of("e") }})::{{ guard.table.sql() }}
          FROM (SELECT {{ guard.entry.sql() }} FROM (SELECT NEW.*) r WHERE {{ guard.filter.sql() }}) e;
    END IF;
    RETURN NEW;
END
$pgcleave$;
ALTER FUNCTION {{ guard.note_moves.sql() }}() OWNER TO {{ c.owner.sql() }};
CREATE FUNCTION {{ guard.keep_truncate.sql() }}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $pgcleave$
{% let follower = guard.table.clone() -%}
DECLARE
    child record;
    is_referenced boolean;
    referenced boolean := false;
    bounds CONSTANT text := pg_get_partition_constraintdef(TG_RELID);
BEGIN
{%- include "fragment/refuse_truncate_of_referenced.sql" %}
    IF bounds IS NOT NULL THEN -- a partition
        EXECUTE {{ guard.delete_where.sql() }} || bounds;
    ELSIF referenced THEN
        DELETE FROM {{ guard.table.sql() }}; -- TRUNCATE is not possible where foreign keys refer to it
    ELSE
        TRUNCATE {{ guard.table.sql() }};
    END IF;
    RETURN NULL;
END
$pgcleave$;
ALTER FUNCTION {{ guard.keep_truncate.sql() }}() OWNER TO {{ c.owner.sql() }};

-- ALWAYS: a writer with session_replication_role = replica must be caught too.
CREATE TRIGGER {{ guard.trigger.sql() }} AFTER INSERT OR UPDATE OR DELETE ON {{ c.names.copy.sql() }}
    FOR EACH ROW EXECUTE FUNCTION {{ guard.keep.sql() }}();
ALTER TABLE {{ c.names.copy.sql() }} ENABLE ALWAYS TRIGGER {{ guard.trigger.sql() }};
CREATE TRIGGER {{ guard.moves_trigger.sql() }} BEFORE UPDATE ON {{ c.names.copy.sql() }}
    FOR EACH ROW WHEN (NOT ({{ c.row_key.equal("OLD", "NEW") }})) EXECUTE FUNCTION {{ guard.note_moves.sql() }}();
ALTER TABLE {{ c.names.copy.sql() }} ENABLE ALWAYS TRIGGER {{ guard.moves_trigger.sql() }};
DO $pgcleave$
DECLARE
    relation regclass;
BEGIN
    FOR relation IN SELECT relid FROM pg_partition_tree({{ c.names.copy.literal().sql() }}) LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s()',
            {{ guard.truncate_trigger.literal().sql() }}, relation, {{ guard.keep_truncate.literal().sql() }});
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', relation, {{ guard.truncate_trigger.literal().sql() }});
    END LOOP;
END
$pgcleave$;
ANALYZE {{ guard.table.sql() }};
{%- endfor %}

{% include "fragment/revoke_functions.sql" %}
UPDATE {{ c.names.state.sql() }} SET guards_created = true;
