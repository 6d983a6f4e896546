{% include "fragment/stop_pg_cron.sql" -%}
{%- for guard in c.guards %}
DO $pgcleave$
DECLARE
    relation regclass;
BEGIN
    -- A partition made since has none.
    FOR relation IN SELECT relid FROM pg_partition_tree({{ c.names.copy.literal().sql() }}) LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', {{ guard.truncate_trigger.literal().sql() }}, relation);
    END LOOP;
END
$pgcleave$;
DROP TRIGGER {{ guard.moves_trigger.sql() }} ON {{ c.names.copy.sql() }};
DROP TRIGGER {{ guard.trigger.sql() }} ON {{ c.names.copy.sql() }};
DROP FUNCTION {{ guard.keep_truncate.sql() }}();
DROP FUNCTION {{ guard.note_moves.sql() }}();
DROP FUNCTION {{ guard.keep.sql() }}();
DROP TABLE {{ guard.moves.sql() }};
DROP TABLE {{ guard.table.sql() }};
{%- endfor %}
UPDATE {{ c.names.state.sql() }} SET guards_created = false;
