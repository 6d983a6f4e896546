//! `pgcleave status`: stage, progress, partitions, what to run next.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use postgres::Client;
use serde::Serialize;

use super::run_context::Context;
use super::{Cli, Failure, Format, StatusArgs, interrupt, pg_cron, throttle};
use crate::apply::{CronJob, LoadNow, Position, Stage, read_cron_job, read_load, read_stage};
use crate::catalog;
use crate::db::history::{self, Entry};

/// What `status --format json` prints; `format` changes when its shape does.
#[derive(Serialize)]
struct Report {
    format: u32,
    table: String,
    #[serde(flatten)]
    position: Position,
    /// Partitions of the copy, or of the table after the cutover.
    partitions: i64,
    /// How much the batch copy and the catch-up may take.
    load: Option<LoadNow>,
    /// The job that copies and catches up, while there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pg_cron: Option<CronJob>,
    /// Verifications, the switch and the cutover: when, and what was compared how.
    compared: Vec<Compared>,
    steps: Vec<StepReport>,
    next: String,
}

#[derive(Serialize)]
struct Compared {
    step: String,
    at: String,
    what: String,
}

#[derive(Serialize)]
struct StepReport {
    step: String,
    done: bool,
}

pub fn run(cli: &Cli, args: &StatusArgs) -> Result<(), Failure> {
    let context = Context::load(cli, &args.spec.path, args.table.as_deref())?;
    let mut client = context.target.open()?;
    if !args.watch {
        return show(&context, &mut client, args.format);
    }
    let interrupted = interrupt::catch();
    while !interrupted.load(Ordering::Relaxed) {
        show(&context, &mut client, args.format)?;
        thread::sleep(Duration::from_secs(2));
    }
    Ok(())
}

fn show(context: &Context, client: &mut Client, format: Format) -> Result<(), Failure> {
    let report = report(context, client)?;
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        Format::Text => println!("{}", text(&report)),
    }
    Ok(())
}

fn report(context: &Context, client: &mut Client) -> Result<Report, Failure> {
    let position = read_stage(client, &context.relations)?;
    let history = history::entries(client, &context.table)?;
    let partitioned = if position.stage >= Stage::CutOver {
        &context.relations.source
    } else {
        &context.relations.copy
    };
    let partitions = catalog::count_partitions(client, partitioned)?;
    let done = |step: String| StepReport {
        done: position.is_done(&step),
        step,
    };
    Ok(Report {
        format: 2,
        table: context.table.plain(),
        partitions,
        load: read_load(client, &context.relations)?,
        compared: history.into_iter().filter_map(compared).collect(),
        steps: context.steps().into_iter().map(done).collect(),
        next: next_step(context, &position),
        pg_cron: read_cron_job(client, &context.relations, &position)?,
        position,
    })
}

/// A row of the history that says what was compared.
fn compared(entry: Entry) -> Option<Compared> {
    Some(Compared {
        step: entry.step,
        at: entry.at,
        what: entry.detail?,
    })
}

/// What the user would type now.
pub fn next_step(context: &Context, position: &Position) -> String {
    let table = &context.spec.name;
    let next = context.next_step(position);
    let waits = next.is_some_and(|step| position.waits_for_pg_cron(step));
    let before = if waits { "wait for pg_cron's job; " } else { "" };
    if let Some(next) = context.next_by_others(position) {
        return format!("{before}{next}");
    }
    match position.stage {
        Stage::NotStarted => format!("next: pgcleave apply {table}"),
        Stage::CutOver => format!(
            "{} is partitioned. Next: go back with pgcleave rollback {table} --to verify_copy, or, when sure, \
             pgcleave apply {table} --through drop_retired_table",
            context.table.plain()
        ),
        Stage::Completed => format!(
            "{} is partitioned and the retired table is gone; nothing is left to do",
            context.table.plain()
        ),
        Stage::CopyCreated
        | Stage::Logging
        | Stage::Prepared
        | Stage::Copying
        | Stage::Copied
        | Stage::PartitionsIndexed
        | Stage::Indexed
        | Stage::CaughtUp
        | Stage::InStep => {
            format!("{before}next: pgcleave apply {table} (or undo: pgcleave rollback {table})")
        }
    }
}

fn text(report: &Report) -> String {
    let mut lines = vec![format!(
        "{}: {}",
        report.table,
        stage_words(report.position.stage)
    )];
    let progress = &report.position.progress;
    if progress.blocks_total > 0 {
        let percent = progress.blocks_done as f64 * 100.0 / progress.blocks_total as f64;
        lines.push(format!(
            "copy: {} rows, {} of {} blocks ({percent:.1} %); change log: {} changes waiting",
            progress.rows_copied, progress.blocks_done, progress.blocks_total, progress.backlog
        ));
    }
    if progress.indexes_built < progress.indexes_total {
        lines.push(format!(
            "indexes of partitions: {} of {}",
            progress.indexes_built, progress.indexes_total
        ));
    }
    if report.partitions > 0 {
        lines.push(format!(
            "partitions: {} with the default partition",
            report.partitions
        ));
    }
    if let Some(reason) = &progress.waiting_for {
        lines.push(format!("WAITING: {reason}"));
    }
    lines.extend(report.pg_cron.iter().flat_map(pg_cron::describe));
    let copies = report.position.stage < Stage::InStep;
    if let Some(load) = report
        .load
        .as_ref()
        .filter(|load| copies || load.paused_by.is_some())
    {
        lines.extend(throttle::text(load).lines().map(|line| format!("  {line}")));
    }
    if let Some(at) = &report.position.verified_at {
        lines.push(format!("last verification without a difference: {at}"));
    }
    let compared = |c: &Compared| format!("  {} {}: {}", c.at, c.step, c.what);
    lines.extend(report.compared.iter().map(compared));
    let mark = |step: &StepReport| format!("  [{}] {}", if step.done { "x" } else { " " }, step.step);
    lines.extend(report.steps.iter().map(mark));
    lines.push(report.next.clone());
    lines.join("\n")
}

fn stage_words(stage: Stage) -> &'static str {
    match stage {
        Stage::NotStarted => "not started",
        Stage::CopyCreated => "the empty copy is there",
        Stage::Logging => "the sync trigger logs keys",
        Stage::Prepared => "ready to copy",
        Stage::Copying => "copying",
        Stage::Copied => "copied",
        Stage::PartitionsIndexed => "the partitions' indexes are built",
        Stage::Indexed => "indexes built",
        Stage::CaughtUp => "caught up",
        Stage::InStep => "the copy is kept in step",
        Stage::CutOver => "cut over, reverse sync running",
        Stage::Completed => "completed",
    }
}
