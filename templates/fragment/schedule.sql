DO $pgcleave$
DECLARE
    job CONSTANT bigint := cron.schedule({{ c.job_name.sql() }}, '* * * * *', {{ c.job_command.sql() }});
BEGIN
    UPDATE {{ c.names.state.sql() }} SET cron_job = job, cron_role = current_user;
END
$pgcleave$;
