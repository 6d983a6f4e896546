//! `pgcleave verify`: source and copy, per partition, in one snapshot.

use comfy_table::{Table, presets};
use postgres::Client;
use serde::Serialize;

use super::run_context::Context;
use super::{Cli, Failure, Format, VerifyArgs};
use crate::apply::{Comparison, Stage, compare, read_stage};

/// What `verify --format json` prints; `format` changes when its shape does.
#[derive(Serialize)]
struct Report {
    format: u32,
    table: String,
    compared_with: String,
    equal: bool,
    /// Keys still in the change log are left out of the comparison.
    changes_waiting: i64,
    partitions: Vec<Comparison>,
}

pub fn run(cli: &Cli, args: &VerifyArgs) -> Result<(), Failure> {
    let context = Context::load(cli, &args.spec.path, args.table.as_deref())?;
    let mut client = context.target.open()?;
    let report = report(&context, &mut client)?;
    match args.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        Format::Text => println!("{}", text(&report)),
    }
    if report.equal {
        Ok(())
    } else {
        Err(Failure::differences())
    }
}

fn report(context: &Context, client: &mut Client) -> Result<Report, Failure> {
    let position = read_stage(client, &context.relations)?;
    let other = match position.stage {
        Stage::CutOver => &context.relations.retired,
        Stage::Copied | Stage::Indexed | Stage::CaughtUp | Stage::InStep => &context.relations.copy,
        Stage::NotStarted | Stage::CopyCreated | Stage::Logging | Stage::Prepared | Stage::Copying => {
            return Err(Failure::failed(
                anyhow::anyhow!("the batch copy of {} is not complete", context.table.plain()),
                "finish it first: pgcleave apply --through run_batch_copy",
            ));
        }
        Stage::Completed => {
            return Err(Failure::failed(
                anyhow::anyhow!(
                    "the retired table of {} was dropped: there is nothing to compare with",
                    context.table.plain()
                ),
                "nothing is left to do",
            ));
        }
    };
    let partitions = compare(client, &context.relations)?;
    Ok(Report {
        format: 1,
        table: context.table.plain(),
        compared_with: other.plain(),
        equal: partitions.iter().all(Comparison::is_equal),
        changes_waiting: position.progress.backlog,
        partitions,
    })
}

fn text(report: &Report) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["partition", "source", "copy", ""]);
    for row in &report.partitions {
        let verdict = match (row.is_equal(), row.source_rows == row.copy_rows) {
            (true, _) => "equal",
            (false, true) => "DIFFERENT CONTENT",
            (false, false) => "DIFFERENT COUNT",
        };
        table.add_row([
            row.partition.clone(),
            row.source_rows.to_string(),
            row.copy_rows.to_string(),
            verdict.to_owned(),
        ]);
    }
    let total = |rows: fn(&Comparison) -> i64| report.partitions.iter().map(rows).sum::<i64>();
    let verdict = if report.equal { "equal" } else { "DIFFERENT" };
    let mut text = format!(
        "{table}\n{} ({} rows) and {} ({} rows) are {verdict}, by rows and checksums in one snapshot",
        report.table,
        total(|row| row.source_rows),
        report.compared_with,
        total(|row| row.copy_rows)
    );
    if report.changes_waiting > 0 {
        text.push_str(&format!(
            "\nleft out: the keys of {} changes that wait in the change log",
            report.changes_waiting
        ));
    }
    text
}
