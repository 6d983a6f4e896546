SET LOCAL row_security = on; -- pg_cron shows everybody their own jobs, by a policy
DO $pgcleave$
DECLARE
    state {{ c.names.state.sql() }};
BEGIN
    SELECT * INTO state FROM {{ c.names.state.sql() }};
    IF state.cron_job IS NOT NULL AND to_regclass('cron.job') IS NOT NULL THEN
        IF EXISTS (SELECT FROM cron.job WHERE jobid = state.cron_job) THEN
            PERFORM cron.unschedule(state.cron_job);
        ELSIF state.cron_role <> current_user THEN
            RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
                MESSAGE = format('pg_cron''s job %s belongs to the role %s', state.cron_job, state.cron_role),
                HINT = 'run this step as that role, or as a superuser';
        END IF; -- else somebody has removed it before
    END IF;
    -- pg_cron doesn't end a run that is under way: it ends by itself, after its batch.
    UPDATE {{ c.names.state.sql() }} SET cron_job = NULL, cron_role = NULL, stop_requested = true;
END
$pgcleave$;
