DO $pgcleave$
BEGIN
    IF NOT EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE source_filenode IS NOT NULL)
       OR EXISTS (SELECT FROM {{ c.names.segments.sql() }} WHERE next_block < end_block) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the batch copy is not complete', HINT = {% include "fragment/finish_the_copy.sql" %};
    END IF;
END
$pgcleave$;

-- Under names of their own; the cutover gives them the names that the source's have. An index that a partition has
-- already becomes a part of the copy's; one that it lacks is built.
{%- for index in c.index_builds %}
{{ index.sql() }};
{%- endfor %}
DO $pgcleave$
DECLARE
    apart text;
BEGIN
    SELECT string_agg(x.indexrelid::regclass::text, ', ') INTO apart
      FROM pg_partition_tree({{ c.names.copy.literal().sql() }}) t JOIN pg_index x ON x.indrelid = t.relid JOIN pg_class i ON i.oid = x.indexrelid
     WHERE t.isleaf AND NOT i.relispartition;
    IF apart IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'these indexes of partitions are part of no index of the copy: ' || apart,
            HINT = 'drop them, and run this step again';
    END IF;
END
$pgcleave$;
{%- if let Some(index) = c.replica_index %}
-- Partitions don't inherit the replica identity.
ALTER TABLE {{ c.names.copy.sql() }} REPLICA IDENTITY USING INDEX {{ index.name.sql() }};
DO $pgcleave$
DECLARE
    part record;
BEGIN
    FOR part IN
        SELECT x.indrelid::regclass AS partition, i.relname
          FROM pg_partition_tree({{ index.literal().sql() }}) t JOIN pg_index x ON x.indexrelid = t.relid JOIN pg_class i ON i.oid = x.indexrelid
         WHERE t.level > 0
    LOOP
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', part.partition, part.relname);
    END LOOP;
END
$pgcleave$;
{%- endif %}
{%- if !c.index_statistics.is_empty() || c.clustered_on.is_some() %}
-- What partitions' indexes don't take from the partitioned table's.
DO $pgcleave$
DECLARE
    index regclass;
BEGIN
{%- for statistics in c.index_statistics %}
    FOR index IN SELECT relid FROM pg_partition_tree({{ statistics.index.sql() }}) LOOP
        EXECUTE format('ALTER INDEX %s ALTER COLUMN {{ statistics.column.sql() }} SET STATISTICS {{ statistics.target.sql() }}', index);
    END LOOP;
{%- endfor %}
{%- if let Some(clustered) = c.clustered_on %}
    FOR index IN SELECT relid FROM pg_partition_tree({{ clustered.sql() }}) WHERE isleaf LOOP
        EXECUTE (SELECT format('ALTER TABLE %s CLUSTER ON %I', x.indrelid::regclass, i.relname)
                   FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indexrelid = index);
    END LOOP;
{%- endif %}
END
$pgcleave$;
{%- endif %}
{%- for statistics in c.statistics %}
{{ statistics.create.sql() }};
ALTER STATISTICS {{ statistics.copy.sql() }} OWNER TO {{ c.owner.sql() }};
DO $pgcleave$
DECLARE
    target int;
BEGIN
    SELECT nullif(stxstattarget, -1) INTO target FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
     WHERE n.nspname = {{ statistics.copy.schema.literal().sql() }} AND s.stxname = {{ statistics.name.literal().sql() }};
    IF target IS NOT NULL THEN
        EXECUTE format('ALTER STATISTICS %s SET STATISTICS %s', {{ statistics.copy.literal().sql() }}, target);
    END IF;
END
$pgcleave$;
{%- endfor %}
{%- for trigger in c.triggers %}

-- Disabled until the cutover: our own writes to the copy must not fire it.
{{ trigger.create.sql() }};
ALTER TABLE {{ c.names.copy.sql() }} DISABLE TRIGGER {{ trigger.name.sql() }};
{%- endfor %}
{%- for statement in c.dependents.on_copy %}
{{ statement.sql() }};
{%- endfor %}
{%- for comment in c.dependent_comments %}
{{ comment.sql() }};
{%- endfor %}

{% include "fragment/reverse_off.sql" %}
ALTER FUNCTION {{ c.names.reverse.sql() }}() OWNER TO {{ c.owner.sql() }};
ALTER FUNCTION {{ c.names.reverse_truncate.sql() }}() OWNER TO {{ c.owner.sql() }};
{%- if c.is_referenced() %}
ALTER FUNCTION {{ c.names.note_moves.sql() }}() OWNER TO {{ c.owner.sql() }};
{%- endif %}

-- The reverse sync's triggers, made now so that the cutover need not: it only replaces their functions.
-- Named so that it fires beside the server's own foreign key triggers, before the user's, whose writes come later.
CREATE TRIGGER "RI_pgcleave_reverse" AFTER INSERT OR UPDATE OR DELETE ON {{ c.names.copy.sql() }}
    FOR EACH ROW EXECUTE FUNCTION {{ c.names.reverse.sql() }}();
ALTER TABLE {{ c.names.copy.sql() }} ENABLE ALWAYS TRIGGER "RI_pgcleave_reverse";
{%- if c.is_referenced() %}
-- Named so that it fires after every BEFORE trigger of the user's, which may change the row.
CREATE TRIGGER "~pgcleave_moves" BEFORE UPDATE ON {{ c.names.copy.sql() }}
    FOR EACH ROW WHEN (NOT ({{ c.primary_key.equal("OLD", "NEW") }})) EXECUTE FUNCTION {{ c.names.note_moves.sql() }}();
ALTER TABLE {{ c.names.copy.sql() }} ENABLE ALWAYS TRIGGER "~pgcleave_moves";
{%- endif %}
CREATE TRIGGER pgcleave_reverse_truncate {% if c.is_referenced() %}AFTER{% else %}BEFORE{% endif %} TRUNCATE ON {{ c.names.copy.sql() }}
    FOR EACH STATEMENT EXECUTE FUNCTION {{ c.names.reverse_truncate.sql() }}();
ALTER TABLE {{ c.names.copy.sql() }} ENABLE ALWAYS TRIGGER pgcleave_reverse_truncate;
DO $pgcleave$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT relid FROM pg_partition_tree({{ c.names.copy.literal().sql() }}) WHERE isleaf LOOP
        EXECUTE format('CREATE TRIGGER pgcleave_reverse_truncate AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s()',
            partition, {{ c.names.reverse_truncate.literal().sql() }});
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER pgcleave_reverse_truncate', partition);
    END LOOP;
END
$pgcleave$;

{% include "fragment/revoke_functions.sql" %}
