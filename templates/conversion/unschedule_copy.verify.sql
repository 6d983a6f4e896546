SET LOCAL row_security = on; -- pg_cron shows everybody their own jobs, by a policy
DO $pgcleave$
BEGIN
    IF EXISTS (SELECT FROM {{ c.names.state.sql() }} WHERE cron_job IS NOT NULL)
       OR EXISTS (SELECT FROM cron.job WHERE command = {{ c.job_command.sql() }} AND database = current_database()) THEN
        RAISE EXCEPTION 'pg_cron''s job is still there';
    END IF;
END
$pgcleave$;
