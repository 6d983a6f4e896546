-- What is left in the change log is drained with writers blocked, so it must be little.
DO $pgcleave$
DECLARE
    backlog bigint;
BEGIN
    SELECT count(*) INTO backlog FROM (SELECT FROM {{ c.names.log.sql() }} LIMIT 20001) l;
    IF backlog > 20000 THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'more than 20,000 changes wait in the change log', HINT = {% if c.copies_by_pg_cron() %}format('CALL %s(500), then run this step at once', {{ c.names.catch_up.literal().sql() }}){% else %}'run the step catch_up again, then this one at once'{% endif %};
    END IF;
END
$pgcleave$;

{% include "fragment/keep_catch_ups_away.sql" %}
-- Plans what is run under the lock; in a subtransaction that is undone, so that no lock of it is kept.
DO $pgcleave$
BEGIN
    PERFORM {{ c.names.drain.sql() }}(0);
    RAISE EXCEPTION USING ERRCODE = 'PGC00';
EXCEPTION WHEN SQLSTATE 'PGC00' THEN
    NULL;
END
$pgcleave$;
SELECT {{ c.names.lock.sql() }}({{ c.names.source.literal().sql() }}, ARRAY[
    {{ c.lock_source_share_row_exclusive.sql() }}
]);
SELECT {{ c.names.check.sql() }}();

DO $pgcleave$
DECLARE
    state {{ c.names.state.sql() }};
    budget CONSTANT int := 1000 * extract(epoch FROM
        coalesce(nullif(current_setting('pgcleave.switch_budget', true), ''), '50ms')::interval);
    source_rows bigint;
    copy_rows bigint;
    what_was_counted text;
BEGIN
    SELECT * INTO state FROM {{ c.names.state.sql() }} FOR UPDATE; -- a batch copy may be about to start over
    IF state.count_milliseconds IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the catch-up is not complete', HINT = {% if c.copies_by_pg_cron() %}'run the steps schedule_copy and unschedule_copy first'{% else %}'run the step catch_up first'{% endif %};
    END IF;
{%- if c.copies_by_pg_cron() %}
    IF state.cron_job IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'pg_cron''s job still catches up', HINT = 'run the step unschedule_copy first';
    END IF;
{%- endif %}
    PERFORM {{ c.names.drain.sql() }}(NULL);
    -- Counting blocks writers as long as it takes: not beyond the budget, by what it took in the catch-up.
    IF state.count_milliseconds <= budget THEN
        SELECT (SELECT count(*) FROM ONLY {{ c.names.source.sql() }}), (SELECT count(*) FROM {{ c.names.copy.sql() }})
          INTO source_rows, copy_rows;
        IF source_rows <> copy_rows THEN
            RAISE EXCEPTION USING ERRCODE = 'data_exception',
                MESSAGE = format('the source holds %s rows and the copy %s; nothing has changed', source_rows, copy_rows),
                HINT = 'roll back to the start (pgcleave rollback), and please report this: it must never happen';
        END IF;
        what_was_counted := format('rows counted with writers blocked: %s on both sides', source_rows);
    ELSE
        what_was_counted := format('rows not counted with writers blocked: it would take about %s ms, over the budget of %s ms (pgcleave.switch_budget); verify_copy compares them without blocking',
            state.count_milliseconds, budget);
    END IF;
    RAISE NOTICE '%', what_was_counted;
    UPDATE {{ c.names.state.sql() }}
       SET switch_xid = pg_current_xact_id(), verified_at = NULL, verified_mark = NULL, evidence = what_was_counted;
END
$pgcleave$;

{% include "fragment/sync_write_through.sql" %}
-- A row at a time from here on, whoever writes.
ALTER TABLE {{ c.names.source.sql() }} ENABLE ALWAYS TRIGGER pgcleave_sync, DISABLE TRIGGER pgcleave_log_insert,
    DISABLE TRIGGER pgcleave_log_update, DISABLE TRIGGER pgcleave_log_delete;

{% include "fragment/record_sync_marks.sql" %}
SELECT {{ c.names.check.sql() }}();
