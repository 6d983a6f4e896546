{% include "fragment/stop_pg_cron.sql" -%}
-- Nobody reads the copy yet. Its triggers, statistics and indexes go; its rows stay.
DO $pgcleave$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN
        SELECT t.tgrelid FROM pg_trigger t JOIN pg_partition_tree({{ c.names.copy.literal().sql() }}) p ON p.relid = t.tgrelid
         WHERE p.isleaf AND t.tgname = 'pgcleave_reverse_truncate'
    LOOP
        EXECUTE format('DROP TRIGGER pgcleave_reverse_truncate ON %s', partition);
    END LOOP;
END
$pgcleave$;
DROP TRIGGER pgcleave_reverse_truncate ON {{ c.names.copy.sql() }};
DROP TRIGGER "RI_pgcleave_reverse" ON {{ c.names.copy.sql() }};
{%- if c.is_referenced() %}
DROP TRIGGER "~pgcleave_moves" ON {{ c.names.copy.sql() }};
DROP FUNCTION {{ c.names.note_moves.sql() }}();
{%- endif %}
DROP FUNCTION {{ c.names.reverse_truncate.sql() }}();
DROP FUNCTION {{ c.names.reverse.sql() }}();
{%- for statement in c.dependents.off_copy %}
{{ statement.sql() }};
{%- endfor %}
{%- for trigger in c.triggers %}
DROP TRIGGER {{ trigger.name.sql() }} ON {{ c.names.copy.sql() }};
{%- endfor %}
{%- for statistics in c.statistics %}
DROP STATISTICS {{ statistics.copy.sql() }};
{%- endfor %}
{%- for drop in c.index_drops %}
{{ drop.sql() }};
{%- endfor %}
UPDATE {{ c.names.index_builds.sql() }} SET built = 0;
