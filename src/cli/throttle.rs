//! `pgcleave throttle`: shows and changes how much a copy may take.

use indicatif::HumanBytes;

use super::pause::nothing_to_change;
use super::run_context::Context;
use super::{Cli, Failure, Format, ThrottleArgs};
use crate::apply::{LoadNow, read_load, write_load};

pub fn run(cli: &Cli, args: &ThrottleArgs) -> Result<(), Failure> {
    let context = Context::load(cli, &args.spec.path, args.table.as_deref())?;
    let mut client = context.target.open()?;
    write_load(&mut client, &context.relations, &args.load.load())?;
    let Some(load) = read_load(&mut client, &context.relations)? else {
        return Err(nothing_to_change(&context));
    };
    match args.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&load)?),
        Format::Text => println!("{}", text(&load)),
    }
    Ok(())
}

/// A line per setting, by its flag's name.
pub fn text(load: &LoadNow) -> String {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
    let lines = [
        ("jobs", load.jobs.to_string()),
        ("batch-target", load.batch_target.clone()),
        ("sleep", format!("{} ms", load.sleep_milliseconds)),
        ("max-replica-lag", or_none(load.max_replica_lag.clone())),
        (
            "max-retained-wal",
            or_none(
                load.max_retained_wal
                    .map(|b| HumanBytes(b.unsigned_abs()).to_string()),
            ),
        ),
        (
            "max-active-sessions",
            or_none(load.max_active_sessions.map(|n| n.to_string())),
        ),
        ("throttle-query", or_none(load.throttle_query.clone())),
        ("paused", or_none(load.paused_by.clone())),
    ];
    let line = |(name, value): &(&str, String)| format!("{name:20} {value}");
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}
