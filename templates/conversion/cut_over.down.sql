-- Before any lock: the reverse sync must have kept the retired table equal.
DO $pgcleave$
DECLARE
    new_rows bigint;
    retired_rows bigint;
BEGIN
    IF to_regclass({{ c.names.retired.literal().sql() }}) IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'there is no retired table to go back to';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = {{ c.names.source.literal().sql() }}::regclass
                   AND tgname = 'pgcleave_reverse' AND tgenabled = 'A') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the reverse sync was switched off: the retired table may lack writes',
            HINT = 'do not roll back; compare the tables first: pgcleave verify';
    END IF;
    SELECT (SELECT count(*) FROM {{ c.names.source.sql() }}), (SELECT count(*) FROM ONLY {{ c.names.retired.sql() }})
      INTO new_rows, retired_rows;
    IF new_rows <> retired_rows THEN
        RAISE EXCEPTION USING ERRCODE = 'data_exception',
            MESSAGE = format('the partitioned table holds %s rows and the retired table %s; nothing has changed', new_rows, retired_rows),
            HINT = 'a partition that was dropped or detached is not known to the retired table; compare them: pgcleave verify';
    END IF;
END
$pgcleave$;

-- Locks the partitions too: somebody may write to one directly.
SELECT {{ c.names.lock.sql() }}({{ c.names.source.literal().sql() }}, ARRAY[
{%- for lock in c.view_locks %}
    {{ lock.sql() }},
{%- endfor %}
    {{ c.lock_source_access_exclusive.sql() }},
    {{ c.lock_retired_access_exclusive.sql() }}
]);

ALTER TABLE {{ c.names.source.sql() }} RENAME TO {{ c.names.copy.name.sql() }};
ALTER TABLE {{ c.names.retired.sql() }} RENAME TO {{ c.names.source.name.sql() }};
{%- for rename in c.renames_at_rollback %}
{{ rename.sql() }};
{%- endfor %}
{%- for identity in c.identities %}
SELECT setval({{ identity.sequence.literal().sql() }}, last_value, is_called) FROM {{ identity.copy_sequence.sql() }};
{%- endfor %}
{%- for serial in c.serials %}
ALTER SEQUENCE {{ serial.sequence.sql() }} OWNED BY {{ c.names.source.sql() }}.{{ serial.column.sql() }};
{%- endfor %}
{%- for trigger in c.triggers %}
ALTER TABLE {{ c.names.copy.sql() }} DISABLE TRIGGER {{ trigger.name.sql() }};
ALTER TABLE {{ c.names.source.sql() }} {{ trigger.enable.sql() }};
{%- endfor %}
{%- for view in c.views %}
{{ view.sql() }};
{%- endfor %}

-- In step again: the source is written, the copy follows.
ALTER TABLE {{ c.names.source.sql() }} DISABLE TRIGGER pgcleave_guard;
{% include "fragment/reverse_off.sql" %}
{% include "fragment/sync_write_through.sql" %}

{% include "fragment/record_xmin.sql" %}
