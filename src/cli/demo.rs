//! `pgcleave demo`: the main job on a throwaway server.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clap::Args;

use super::{Cli, Failure, interrupt};
use crate::demo::{self, DemoError, Options};
use crate::model::Interval;

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Rows of the sample table.
    #[arg(long, default_value_t = 1_000_000)]
    pub rows: u64,
    /// Connections that write all the while.
    #[arg(long, default_value_t = 4)]
    pub writers: usize,
    /// Schema to load instead of the sample table.
    #[arg(long, value_name = "FILE", requires = "table", requires = "key")]
    pub schema: Option<PathBuf>,
    /// Data to load behind it.
    #[arg(long, value_name = "FILE", requires = "schema")]
    pub data: Option<PathBuf>,
    /// Table to convert.
    #[arg(long)]
    pub table: Option<String>,
    /// Its partition key.
    #[arg(long, value_name = "COLUMN")]
    pub key: Option<String>,
    /// What becomes of its unique keys that lack the partition key, as for generate.
    #[arg(long, value_name = "NAME=CHOICE", requires = "table")]
    pub unique: Vec<String>,
    /// What becomes of the foreign keys that point at it, as for generate.
    #[arg(long, value_name = "NAME=CHOICE", requires = "table")]
    pub incoming: Vec<String>,
    #[arg(long, default_value = "monthly")]
    pub interval: Interval,
    /// Leave the server running and say how to connect.
    #[arg(long)]
    pub keep: bool,
}

pub fn run(cli: &Cli, args: &DemoArgs) -> Result<(), Failure> {
    let interrupted = interrupt::catch();
    let options = Options {
        program: std::env::current_exe().map_err(Failure::output)?,
        rows: i64::try_from(args.rows).unwrap_or(i64::MAX),
        writers: args.writers,
        schema: args.schema.clone(),
        data: args.data.clone(),
        table: args.table.clone(),
        key: args.key.clone(),
        unique: args.unique.clone(),
        incoming: args.incoming.clone(),
        interval: args.interval.to_string(),
        keep: args.keep,
    };
    let mut talk = |text: &str| {
        if !cli.quiet {
            eprintln!("{text}");
        }
    };
    let outcome = demo::run(&options, &|| interrupted.load(Ordering::Relaxed), &mut talk).map_err(failure)?;
    println!("{}", outcome.render());
    if outcome.all_musts_hold() {
        Ok(())
    } else {
        Err(Failure::musts_broken())
    }
}

fn failure(error: DemoError) -> Failure {
    let hint = error.hint().map(|hint| hint.to_string());
    match error {
        DemoError::Interrupted => Failure::interrupted(),
        DemoError::Refused { .. } => Failure::refused(&error.to_string(), &hint.unwrap_or_default()),
        error => Failure::failed(error, &hint.unwrap_or_default()),
    }
}
