-- 1. Before any lock: both sides are the same table in every snapshot, so that one statement counts both.
DO $pgcleave$
DECLARE
    budget CONSTANT int := 1000 * extract(epoch FROM
        coalesce(nullif(current_setting('pgcleave.count_budget', true), ''), '60s')::interval);
    verified_within CONSTANT interval :=
        coalesce(nullif(current_setting('pgcleave.verified_within', true), ''), '1 hour')::interval;
    state {{ c.names.state.sql() }};
    source_rows bigint;
    copy_rows bigint;
    what_was_counted text;
BEGIN
    SELECT * INTO state FROM {{ c.names.state.sql() }};
    IF state.switch_xid IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the copy is not kept in step', HINT = 'run the steps before this one first';
    END IF;
{%- if c.has_foreign_keys() %}
    IF NOT state.foreign_keys_added THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the copy lacks foreign keys', HINT = 'run the step add_foreign_keys first';
    END IF;
{%- endif %}
{%- if c.has_materialized_views() %}
    IF NOT state.materialized_views_built THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the materialized views on the copy are not built', HINT = 'run the step build_materialized_views first';
    END IF;
{%- endif %}
    -- In a subtransaction that is undone, so that no lock of the reading is kept: a lock that is made stronger
    -- deadlocks with whoever waits for another of the table's. Variables keep their values.
    BEGIN
        PERFORM {{ c.names.check.sql() }}();
        IF state.verified_at IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
                MESSAGE = 'the copy was not verified by checksums since it is in step', HINT = 'run the step verify_copy first';
        END IF;
        IF state.verified_mark IS DISTINCT FROM {{ c.names.mark.sql() }}({{ c.names.source.literal().sql() }}::regclass) THEN
            RAISE EXCEPTION USING ERRCODE = 'PGC05',
                MESSAGE = 'the source table was changed or rewritten since the copy was verified', HINT = 'run the step verify_copy again';
        END IF;
        IF clock_timestamp() - state.verified_at > verified_within THEN
            RAISE EXCEPTION USING ERRCODE = 'PGC05',
                MESSAGE = format('the copy was verified %s ago, over the limit of %s (pgcleave.verified_within)',
                                 date_trunc('second', clock_timestamp() - state.verified_at), verified_within),
                HINT = 'run the step verify_copy again';
        END IF;
        IF state.count_milliseconds <= budget THEN
            SELECT (SELECT count(*) FROM ONLY {{ c.names.source.sql() }}), (SELECT count(*) FROM {{ c.names.copy.sql() }})
              INTO source_rows, copy_rows;
        END IF;
        -- This session comes to know the partitions now, not under the lock.
        PERFORM pg_relation_size(relid) FROM pg_partition_tree({{ c.names.copy.literal().sql() }});
        RAISE EXCEPTION USING ERRCODE = 'PGC00';
    EXCEPTION WHEN SQLSTATE 'PGC00' THEN
        NULL;
    END;
    IF state.count_milliseconds <= budget THEN
        IF source_rows <> copy_rows THEN
            RAISE EXCEPTION USING ERRCODE = 'data_exception',
                MESSAGE = format('the source holds %s rows and the copy %s; nothing has changed', source_rows, copy_rows),
                HINT = 'this must never happen: see the keys (pgcleave verify --checksum) and please report it';
        END IF;
        what_was_counted := format('rows counted before the lock, in one snapshot: %s on both sides', source_rows);
    ELSE
        what_was_counted := format('rows not counted before the lock: it would take about %s ms, over the budget of %s ms (pgcleave.count_budget)',
            state.count_milliseconds, budget);
    END IF;
    what_was_counted := format('%s; verified by checksums at %s', what_was_counted, state.verified_at);
    RAISE NOTICE '%', what_was_counted;
    UPDATE {{ c.names.state.sql() }} SET evidence = what_was_counted, cutover_verified_at = NULL;
END
$pgcleave$;

{% include "fragment/wait_for_old_snapshots.sql" %}

{% include "fragment/recompile.sql" %}

-- 2. The lock, at its final strength at once; what reads the table first, outermost first, as its readers take them
-- (giving a relation to its owner locks that relation alone).
SELECT {{ c.names.lock.sql() }}({{ c.names.source.literal().sql() }}, ARRAY[
{%- for lock in c.dependents.locks %}
    {{ lock.sql() }},
{%- endfor %}
    {{ c.lock_source_access_exclusive.sql() }}
], ARRAY[
{%- for alter in c.alters_with_locks %}
    {{ alter.sql() }}{% if !loop.last %},{% endif %}
{%- endfor %}
]::text[]);
SELECT {{ c.names.check.sql() }}();
-- For those who asked for it (pgcleave.recount_under_lock): everybody waits while both tables are counted.
DO $pgcleave$
DECLARE
    source_rows bigint;
    copy_rows bigint;
BEGIN
    IF NOT coalesce(nullif(current_setting('pgcleave.recount_under_lock', true), ''), 'off')::boolean THEN
        RETURN;
    END IF;
    SELECT (SELECT count(*) FROM ONLY {{ c.names.source.sql() }}), (SELECT count(*) FROM {{ c.names.copy.sql() }})
      INTO source_rows, copy_rows;
    IF source_rows <> copy_rows THEN
        RAISE EXCEPTION USING ERRCODE = 'data_exception',
            MESSAGE = format('under the lock, the source holds %s rows and the copy %s; nothing has changed', source_rows, copy_rows),
            HINT = 'this must never happen: see the keys (pgcleave verify --checksum) and please report it';
    END IF;
    RAISE NOTICE 'rows counted under the lock: % on both sides', source_rows;
    UPDATE {{ c.names.state.sql() }} SET evidence = format('%s; counted again under the lock: %s on both sides', evidence, source_rows);
END
$pgcleave$;

-- 3. Catalog changes only, milliseconds.
{%- for statement in c.dependents.before_renames %}
{{ statement.sql() }};
{%- endfor %}
ALTER TABLE {{ c.names.source.sql() }} RENAME TO {{ c.names.retired.name.sql() }};
ALTER TABLE {{ c.names.copy.sql() }} RENAME TO {{ c.names.source.name.sql() }};
{%- for rename in c.renames_at_cutover %}
{{ rename.sql() }};
{%- endfor %}
{%- for view in c.materialized_views %}
{%- for rename in view.renames_at_cutover %}
{{ rename.sql() }};
{%- endfor %}
{%- endfor %}
{%- for identity in c.identities %}
SELECT setval({{ identity.sequence.literal().sql() }}, last_value, is_called) FROM {{ identity.retired_sequence.sql() }};
{%- endfor %}
{%- for identity in c.identities %}
{%- if identity.always %}
-- BY DEFAULT on the side that is kept in sync: the sync must be able to set it.
ALTER TABLE {{ c.names.retired.sql() }} ALTER COLUMN {{ identity.column.sql() }} SET GENERATED BY DEFAULT;
{%- if !identity.always_on_copy %}
ALTER TABLE {{ c.names.source.sql() }} ALTER COLUMN {{ identity.column.sql() }} SET GENERATED ALWAYS;
{%- endif %}
{%- endif %}
{%- endfor %}
{%- for serial in c.serials %}
ALTER SEQUENCE {{ serial.sequence.sql() }} OWNED BY {{ c.names.source.sql() }}.{{ serial.column.sql() }};
{%- endfor %}
{%- for trigger in c.triggers %}
ALTER TABLE {{ c.names.retired.sql() }} DISABLE TRIGGER {{ trigger.name.sql() }};
{%- endfor %}
{%- for key in c.foreign_keys_checked_at_once %}
-- The retired table follows within a statement: its foreign keys are checked at COMMIT.
ALTER TABLE {{ c.names.retired.sql() }} ALTER CONSTRAINT {{ key.sql() }} DEFERRABLE INITIALLY DEFERRED;
{%- endfor %}
{%- for view in c.views %}
{{ view.sql() }};
{%- endfor %}
{%- for statement in c.dependents.after_renames_at_cutover %}
{{ statement.sql() }};
{%- endfor %}
{%- for statement in c.dependents.after_renames %}
{{ statement.sql() }};
{%- endfor %}

-- 4. The reverse sync, from this instant.
{%- if !c.guards.is_empty() %}
{%- let relation = c.names.source.clone() %}
{%- let leads = true %}
{% include "fragment/keep_guards.sql" %}
{%- endif %}
{% include "fragment/reverse_on.sql" %}
