DO $pgcleave$
DECLARE
    state {{ c.names.state.sql() }};
    left_over text;
BEGIN
    SELECT * INTO state FROM {{ c.names.state.sql() }};
    IF state.source_filenode IS NULL OR EXISTS (SELECT FROM {{ c.names.segments.sql() }} WHERE next_block < end_block) THEN
        left_over := 'the batch copy is not complete';
    ELSIF state.count_milliseconds IS NULL THEN
        left_over := 'the catch-up is not complete';
    ELSIF (SELECT count(*) FROM (SELECT FROM {{ c.names.log.sql() }} LIMIT 20001) l) > 20000 THEN
        left_over := 'more than 20,000 changes wait in the change log';
    END IF;
    IF left_over IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = left_over,
            HINT = 'it is pg_cron''s work: wait, see how far it is (pgcleave status, cron.job_run_details), and run this step again';
    END IF;
END
$pgcleave$;

{% include "fragment/unschedule.sql" %}
