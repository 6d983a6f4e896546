//! `pgcleave demo`: the main job on a throwaway server.

use std::sync::atomic::Ordering;

use super::{Cli, DemoArgs, Failure, interrupt};
use crate::demo::{self, DemoError, Options};

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
