DROP TRIGGER {{ k.name.sql() }} ON {{ k.child.sql() }};
{%- for trigger in t.parent_triggers %}
DROP TRIGGER {{ trigger.name.sql() }} ON {{ c.names.source.sql() }};
{%- endfor %}
DO $pgcleave_function$
DECLARE
    relation regclass;
BEGIN
    FOR relation IN SELECT t.tgrelid FROM pg_trigger t WHERE t.tgfoid = {{ t.refuse_truncate.literal().sql() }}::regproc LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', {{ t.truncate_trigger.literal().sql() }}, relation);
    END LOOP;
END
$pgcleave_function$;
DROP FUNCTION {{ t.refuse_truncate.sql() }}();
DROP FUNCTION {{ t.refuse_move.sql() }}();
DROP FUNCTION {{ t.act.sql() }}();
DROP FUNCTION {{ t.is_held.sql() }}({{ t.key_types.sql() }});
DROP FUNCTION {{ t.check.sql() }}();
{{ t.back.sql() }}
