DO $pgcleave$
DECLARE
    keys text;
BEGIN
    SELECT string_agg(format('%I of %s', conname, conrelid::regclass), ', ') INTO keys
      FROM pg_constraint
     WHERE confrelid = {{ c.names.retired.literal().sql() }}::regclass AND conrelid <> confrelid AND contype = 'f' AND conparentid = 0;
    IF keys IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist',
            MESSAGE = 'foreign keys still point at the retired table: ' || keys,
            HINT = 'run the step move_incoming_foreign_keys first, and drop or move by hand what came since the files were generated';
    END IF;
    IF NOT EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE cutover_verified_at IS NOT NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the partitioned table was not verified against the retired one since the cutover',
            HINT = 'run the step verify_cutover first';
    END IF;
END
$pgcleave$;

-- Dropping foreign keys locks what they refer to: beforehand, where we may, or together with the drop.
SELECT {{ c.names.lock.sql() }}({{ c.names.source.literal().sql() }}, ARRAY[
    {{ c.lock_source_access_exclusive.sql() }},
    {{ c.lock_retired_access_exclusive.sql() }}
] || ARRAY(SELECT format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', r) FROM unnest(ARRAY[{{ c.tables_referred_to.sql() }}]::text[]::regclass[]) r
           WHERE has_table_privilege(r, 'UPDATE, DELETE, TRUNCATE')));
DO $pgcleave$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN
        SELECT t.tgrelid FROM pg_trigger t JOIN pg_partition_tree({{ c.names.source.literal().sql() }}) p ON p.relid = t.tgrelid
         WHERE p.isleaf AND t.tgname = 'pgcleave_reverse_truncate'
    LOOP
        EXECUTE format('DROP TRIGGER pgcleave_reverse_truncate ON %s', partition);
    END LOOP;
END
$pgcleave$;
DROP TRIGGER pgcleave_reverse_truncate ON {{ c.names.source.sql() }};
DROP TRIGGER "RI_pgcleave_reverse" ON {{ c.names.source.sql() }};
{%- for view in c.materialized_views.iter().rev() %}
DROP MATERIALIZED VIEW {{ view.retired.sql() }};
{%- endfor %}
DROP TABLE {{ c.names.retired.sql() }};
{%- if c.is_referenced() %}
DROP TRIGGER "~pgcleave_moves" ON {{ c.names.source.sql() }};
DROP FUNCTION {{ c.names.note_moves.sql() }}();
{%- endif %}
DROP FUNCTION {{ c.names.reverse.sql() }}();
DROP FUNCTION {{ c.names.reverse_truncate.sql() }}();
DROP FUNCTION {{ c.names.sync.sql() }}();
DROP FUNCTION {{ c.names.log_keys.sql() }}();
DROP FUNCTION {{ c.names.sync_truncate.sql() }}();
DROP FUNCTION {{ c.names.check.sql() }}();
DROP FUNCTION {{ c.names.guard.sql() }}();
{%- if c.copies_by_pg_cron() %}
DROP PROCEDURE {{ c.names.work.sql() }}();
{%- endif %}
{% include "fragment/drop_procedures.sql" %}
{% include "fragment/drop_tables.sql" %}
DROP FUNCTION {{ c.names.lock.sql() }}(regclass, text[], text[], boolean);
DROP FUNCTION {{ c.names.fingerprint.sql() }}(regclass);
-- No down file: the retired table is gone for good. No verify file: every object named here fails to drop when it isn't there.
