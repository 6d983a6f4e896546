SET LOCAL row_security = on; -- pg_cron shows everybody their own jobs, by a policy
DO $pgcleave$
BEGIN
    PERFORM FROM cron.job j JOIN {{ c.names.state.sql() }} s ON s.cron_job = j.jobid;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'pg_cron has no job of this role''s that copies';
    END IF;
END
$pgcleave$;
