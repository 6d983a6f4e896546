DO $pgcleave$
BEGIN
{%- for guard in c.guards %}
    PERFORM {{ guard.table.literal().sql() }}::regclass, {{ guard.keep.literal().sql() }}::regproc; -- fails where they are not there
{%- endfor %}
    IF NOT (SELECT guards_created FROM {{ c.names.state.sql() }}) THEN
        RAISE EXCEPTION 'the guards are not there';
    END IF;
END
$pgcleave$;
