//! What is said of pg_cron: beforehand what is missing, and what its job does.

use postgres::Client;

use super::Failure;
use super::run_context::Context;
use crate::apply::{CronJob, Position, Stage, read_cron_job};

/// The job and its last runs, a line each.
pub fn describe(job: &CronJob) -> Vec<String> {
    let state = match &job.schedule {
        Some(found) if found.active => format!("{}, active", found.when),
        Some(found) => format!("{}, NOT ACTIVE", found.when),
        None => format!(
            "this role sees no such job: it is one of the role {}, or gone",
            job.role
        ),
    };
    let mut lines = vec![format!("pg_cron's job {}: {state}", job.job)];
    if job.runs.is_empty() && job.schedule.is_some() {
        lines.push("  no run yet, or none is recorded (cron.log_run)".to_owned());
    }
    lines.extend(job.runs.iter().map(|run| {
        let began = run.began_at.as_deref().unwrap_or("not begun");
        let message = run.message.as_deref().unwrap_or_default();
        format!("  {began} {}: {}", run.status, one_line(message))
    }));
    lines
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is to be told instead of a step that pg_cron's job must precede.
pub fn is_at_work(context: &Context, client: &mut Client, position: &Position) -> Result<String, Failure> {
    let table = &context.spec.name;
    let progress = &position.progress;
    let percent = 100 * progress.blocks_done / progress.blocks_total.max(1);
    let does = match position.stage {
        stage if stage < Stage::Copied => "copies",
        _ => "catches up",
    };
    let mut text = format!(
        "pg_cron {does}: {} rows so far, {percent} % of the blocks, {} changes wait in the change log",
        progress.rows_copied, progress.backlog
    );
    for line in read_cron_job(client, &context.relations, position)?
        .iter()
        .flat_map(describe)
    {
        text.push_str(&format!("\n{line}"));
    }
    let next = context.next_by_others(position);
    let next = next.unwrap_or_else(|| format!("go on with: pgcleave apply {table}"));
    text.push_str(&format!(
        "\nwait for it (pgcleave status {table} --watch), then {next}"
    ));
    Ok(text)
}
