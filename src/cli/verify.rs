//! `pgcleave verify`: source and copy by checksums, in one snapshot.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use comfy_table::{Table, presets};
use serde::Serialize;

use super::existing::render_again;
use super::progress_bar::blocks;
use super::run_context::Context;
use super::{Cli, Failure, Format, VerifyArgs, interrupt, prompt};
use crate::apply::verification::{self, Difference, DifferenceKind, Options, Part, Subject};
use crate::apply::{ApplyError, Stage, read_stage};
use crate::db::advisory_lock;
use crate::spec::CopyBy;

/// What `verify --format json` prints; `format` changes when its shape does.
#[derive(Serialize)]
struct Report {
    format: u32,
    table: String,
    pgcleave: &'static str,
    server: String,
    #[serde(flatten)]
    found: verification::Report,
    /// What `--repair` did, and what it looks like afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<Repair>,
}

#[derive(Serialize)]
struct Repair {
    keys: usize,
    /// Where the copy isn't in step yet the keys wait in the change log for the next catch-up.
    left_to_catch_up: bool,
    equal: bool,
    differences: Vec<Difference>,
}

pub fn run(cli: &Cli, args: &VerifyArgs) -> Result<(), Failure> {
    let context = Context::load(cli, &args.spec.path, args.table.as_deref())?;
    if args.repair && !args.yes {
        prompt::require("--yes")?;
    }
    refuse_too_early(&context)?;
    let plan = render_again(&context.folder, &context.spec)?.plan;
    let subject = Subject::of(&plan);
    let interrupted = interrupt::catch();
    let found = compare(cli, args, &context, &subject, None, &interrupted)?;
    let mut report = Report {
        format: 2,
        table: context.table.plain(),
        pgcleave: env!("CARGO_PKG_VERSION"),
        server: context
            .target
            .open()?
            .query_one("SHOW server_version", &[])?
            .get(0),
        found,
        repair: None,
    };
    if args.repair && !report.found.equal {
        report.repair = repair(cli, args, &context, &subject, &report.found, &interrupted)?;
    }
    match args.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        Format::Text => println!("{}", text(&report)),
    }
    // Also after a repair: that there was a difference must not go unnoticed.
    if report.found.equal {
        return Ok(());
    }
    Err(Failure::differences())
}

/// Before the copy is complete, and after the retired table is gone, there is nothing to compare with.
fn refuse_too_early(context: &Context) -> Result<(), Failure> {
    let stage = read_stage(&mut context.target.open()?, &context.relations)?.stage;
    let table = context.table.plain();
    match stage {
        Stage::Copied
        | Stage::PartitionsIndexed
        | Stage::Indexed
        | Stage::CaughtUp
        | Stage::InStep
        | Stage::CutOver => Ok(()),
        Stage::NotStarted | Stage::CopyCreated | Stage::Logging | Stage::Prepared | Stage::Copying => {
            Err(Failure::failed(
                anyhow::anyhow!("the batch copy of {table} is not complete"),
                match context.spec.copy {
                    CopyBy::PgCron => "pg_cron does it: see pgcleave status --watch",
                    CopyBy::Inline | CopyBy::Manual => {
                        "finish it first: pgcleave apply --through run_batch_copy"
                    }
                },
            ))
        }
        Stage::Completed => Err(Failure::failed(
            anyhow::anyhow!("the retired table of {table} was dropped: there is nothing to compare with"),
            "nothing is left to do",
        )),
    }
}

fn compare(
    cli: &Cli,
    args: &VerifyArgs,
    context: &Context,
    subject: &Subject,
    only: Option<Vec<usize>>,
    interrupted: &Arc<AtomicBool>,
) -> Result<verification::Report, Failure> {
    let bar = blocks(cli.quiet, &format!("verifying {}", context.table.plain()));
    let options = Options {
        jobs: args.jobs.into(),
        only,
        resume_within: args.resume_within,
        max_keys: args.max_keys,
        interrupted: Arc::clone(interrupted),
    };
    let result = verification::verify(&context.target, subject, &options, &mut |done, total| {
        bar.set_length(total.max(1));
        bar.set_position(done);
    });
    bar.finish_and_clear();
    Ok(result?)
}

/// A repair names and mends `--max-keys` keys a round.
const MAX_ROUNDS: u32 = 50;

/// Mends round by round, as each names a limited number of keys; `None` where the user says no.
fn repair(
    cli: &Cli,
    args: &VerifyArgs,
    context: &Context,
    subject: &Subject,
    found: &verification::Report,
    interrupted: &Arc<AtomicBool>,
) -> Result<Option<Repair>, Failure> {
    if !args.yes && !prompt::confirm("Read the differing keys again from the source?")? {
        return Ok(None);
    }
    let mut client = context.target.open()?;
    if !advisory_lock::try_lock(&mut client, &context.table)? {
        return Err(ApplyError::Locked(context.table.plain()).into());
    }
    let left_to_catch_up = read_stage(&mut client, &context.relations)?.stage < Stage::InStep;
    let mut keys = 0;
    let mut now = found.clone();
    for _ in 0..MAX_ROUNDS {
        let mended = verification::repair(&mut client, subject, &now.differences)?;
        keys += mended;
        let parts = now.differing_parts();
        now = compare(cli, args, context, subject, Some(parts), interrupted)?;
        if now.equal || mended == 0 {
            break;
        }
    }
    if now.equal && !left_to_catch_up {
        // The whole again, so that the cutover has something to rest on.
        now = compare(cli, args, context, subject, None, interrupted)?;
    }
    Ok(Some(Repair {
        keys,
        left_to_catch_up,
        equal: now.equal,
        differences: now.differences,
    }))
}

fn text(report: &Report) -> String {
    let found = &report.found;
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["partition", "source", "copy", ""]);
    for part in &found.parts {
        table.add_row([
            part.partition.clone(),
            part.source_rows.to_string(),
            part.copy_rows.to_string(),
            verdict(part),
        ]);
    }
    let copy_rows: u64 = found.parts.iter().map(|part| part.copy_rows).sum();
    let mut lines = vec![
        table.to_string(),
        format!(
            "{} ({} rows) and {} ({copy_rows} rows) are {}, by rows and two 64-bit checksums per partition, in the snapshot of {}",
            found.source,
            found.rows(),
            found.copy,
            if found.equal { "equal" } else { "DIFFERENT" },
            found.snapshot_at
        ),
    ];
    if found.keys_in_change_log > 0 {
        lines.push(format!(
            "left out: {} keys that wait in the change log of that snapshot",
            found.keys_in_change_log
        ));
    }
    lines.extend(found.differences.iter().map(difference));
    if found.more_differences {
        lines.push("… and more (--max-keys)".to_owned());
    }
    if !found.equal {
        lines.push(how_to_report(report));
    }
    lines.extend(report.repair.as_ref().map(repaired));
    lines.join("\n")
}

fn verdict(part: &Part) -> String {
    match (&part.resumed_from, part.equal) {
        (Some(at), _) => format!("equal, by an earlier run's snapshot of {at}"),
        (None, true) => "equal".to_owned(),
        (None, false) if part.source_rows == part.copy_rows => "DIFFERENT CONTENT".to_owned(),
        (None, false) => "DIFFERENT COUNT".to_owned(),
    }
}

fn difference(difference: &Difference) -> String {
    let key = format!("{} in {}", difference.key, difference.partition);
    match difference.kind {
        DifferenceKind::OnlyInSource => format!("only in the source: {key}"),
        DifferenceKind::OnlyInCopy => format!("only in the copy: {key}"),
        DifferenceKind::OtherValues => {
            let column = |c: &verification::ColumnDifference| {
                format!("\n    {}: source {}, copy {}", c.column, c.source, c.copy)
            };
            let columns: String = difference.columns.iter().map(column).collect();
            format!("other values: {key}{columns}")
        }
    }
}

/// A difference means that an invariant broke.
fn how_to_report(report: &Report) -> String {
    format!(
        "A difference must never happen. Please report it with this output (leave out values that are private),\n\
         the files of the migration, pgcleave status --format json and the rows of pgcleave.history:\n\
         pgcleave {}, PostgreSQL {}",
        report.pgcleave, report.server
    )
}

fn repaired(repair: &Repair) -> String {
    let keys = repair.keys;
    match (repair.left_to_catch_up, repair.equal) {
        (true, _) => format!(
            "{keys} keys were put into the change log: the next catch-up reads them again (pgcleave apply), then verify again"
        ),
        (false, true) => format!("{keys} keys were read again from the source; verified again: equal"),
        (false, false) => format!("{keys} keys were read again from the source; STILL DIFFERENT"),
    }
}
