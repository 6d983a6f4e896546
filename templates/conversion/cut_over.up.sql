-- 1. Before any lock: both sides are the same table in every snapshot, so that one statement counts both.
DO $pgcleave$
DECLARE
    source_rows bigint;
    copy_rows bigint;
BEGIN
    PERFORM {{ c.names.check.sql() }}();
    IF NOT EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE switch_xid IS NOT NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the copy is not kept in step', HINT = 'run the steps before this one first';
    END IF;
    SELECT (SELECT count(*) FROM ONLY {{ c.names.source.sql() }}), (SELECT count(*) FROM {{ c.names.copy.sql() }})
      INTO source_rows, copy_rows;
    IF source_rows <> copy_rows THEN
        RAISE EXCEPTION USING ERRCODE = 'data_exception',
            MESSAGE = format('the source holds %s rows and the copy %s; nothing has changed', source_rows, copy_rows),
            HINT = 'roll back to the start (pgcleave rollback), and please report this: it must never happen';
    END IF;
    RAISE NOTICE 'rows counted in one snapshot: % in the source, % in the copy', source_rows, copy_rows;
END
$pgcleave$;

{% include "fragment/wait_for_old_snapshots.sql" %}

-- 2. The lock, at its final strength at once; views first, outermost first, as their readers take them
-- (giving a view to its owner locks the view alone).
SELECT {{ c.names.lock.sql() }}({{ c.names.source.literal().sql() }}, ARRAY[
{%- for lock in c.view_locks %}
    {{ lock.sql() }},
{%- endfor %}
    {{ c.lock_source_access_exclusive.sql() }}
]);
SELECT {{ c.names.check.sql() }}();

-- 3. Catalog changes only, milliseconds.
ALTER TABLE {{ c.names.source.sql() }} RENAME TO {{ c.names.retired.name.sql() }};
ALTER TABLE {{ c.names.copy.sql() }} RENAME TO {{ c.names.source.name.sql() }};
{%- for rename in c.renames_at_cutover %}
{{ rename.sql() }};
{%- endfor %}
{%- for identity in c.identities %}
SELECT setval({{ identity.sequence.literal().sql() }}, last_value, is_called) FROM {{ identity.retired_sequence.sql() }};
{%- endfor %}
{%- for serial in c.serials %}
ALTER SEQUENCE {{ serial.sequence.sql() }} OWNED BY {{ c.names.source.sql() }}.{{ serial.column.sql() }};
{%- endfor %}
{%- for trigger in c.triggers %}
ALTER TABLE {{ c.names.retired.sql() }} DISABLE TRIGGER {{ trigger.name.sql() }};
ALTER TABLE {{ c.names.source.sql() }} {{ trigger.enable.sql() }};
{%- endfor %}
{%- for view in c.views %}
{{ view.sql() }};
{%- endfor %}

-- 4. The reverse sync, from this instant.
{% include "fragment/reverse_on.sql" %}
