//! pg_cron's job that copies and catches up, as pg_cron tells of it.

use postgres::Client;
use serde::Serialize;

use super::relations::Relations;
use super::stage::Position;

/// How many of its runs are told.
const RUNS: i64 = 3;

/// The job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CronJob {
    /// `cron.job.jobid`.
    pub job: i64,
    /// Whose it is; others don't see it, superusers apart.
    pub role: String,
    /// `None` where pg_cron shows this role no such job: it is another's, or gone.
    pub schedule: Option<CronSchedule>,
    /// The newest first.
    pub runs: Vec<CronRun>,
}

/// A row of `cron.job`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CronSchedule {
    /// `jobname`.
    pub name: String,
    /// `schedule`, as crontab writes it.
    pub when: String,
    /// Whether pg_cron starts it.
    pub active: bool,
}

/// A row of `cron.job_run_details`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CronRun {
    /// ISO 8601 in UTC.
    pub began_at: Option<String>,
    /// Likewise; `None` while it runs.
    pub ended_at: Option<String>,
    /// `starting`, `running`, `succeeded` or `failed`, among others.
    pub status: String,
    /// What the command or the error said (`return_message`).
    pub message: Option<String>,
}

/// Reads the job; `None` where none is scheduled.
///
/// # Errors
/// When the server can't be asked.
pub fn read_cron_job(
    client: &mut Client,
    relations: &Relations,
    position: &Position,
) -> Result<Option<CronJob>, postgres::Error> {
    let Some(job) = position.cron_job else {
        return Ok(None);
    };
    let role = format!("SELECT cron_role::text FROM {}", relations.state);
    let mut job = CronJob {
        job,
        role: client
            .query_one(&role, &[])?
            .get::<_, Option<String>>(0)
            .unwrap_or_default(),
        schedule: None,
        runs: Vec::new(),
    };
    if !is_usable(client)? {
        return Ok(Some(job));
    }
    let mut client = client.transaction()?;
    // pg_cron shows everybody their own jobs, by a policy, which our sessions take for an error.
    client.batch_execute("SET LOCAL row_security = on")?;
    let scheduled = client.query_opt(
        "SELECT coalesce(jobname::text, ''), schedule, active FROM cron.job WHERE jobid = $1",
        &[&job.job],
    )?;
    job.schedule = scheduled.map(|row| CronSchedule {
        name: row.get(0),
        when: row.get(1),
        active: row.get(2),
    });
    let iso =
        |column| format!("pg_catalog.to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
    let runs = format!(
        "SELECT {}, {}, status, return_message FROM cron.job_run_details WHERE jobid = $1 ORDER BY runid DESC LIMIT $2",
        iso("start_time"),
        iso("end_time")
    );
    let runs = client.query(&runs, &[&job.job, &RUNS])?;
    job.runs = runs
        .iter()
        .map(|row| CronRun {
            began_at: row.get(0),
            ended_at: row.get(1),
            status: row.get::<_, Option<String>>(2).unwrap_or_default(),
            message: row.get(3),
        })
        .collect();
    Ok(Some(job))
}

/// Whether there is a pg_cron that the role may look at.
fn is_usable(client: &mut Client) -> Result<bool, postgres::Error> {
    let usable = "SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') FROM pg_catalog.pg_namespace n
                   WHERE n.nspname = 'cron' AND EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_cron')";
    Ok(client.query_opt(usable, &[])?.is_some_and(|row| row.get(0)))
}
