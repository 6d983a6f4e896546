//! `pgcleave rollback`: undoes steps, newest first.

use super::existing;
use super::progress_bar::Bar;
use super::prompt::{self, Answer};
use super::run_context::{Context, RunBy};
use super::{Cli, Failure, RollbackArgs, interrupt, notices};
use crate::apply::{Position, RunOptions, Session, Stage};
use crate::db::history::Direction;
use crate::migration::{MigrationFile, Part};
use crate::runner::Undo;

pub fn run(cli: &Cli, args: &RollbackArgs) -> Result<(), Failure> {
    let context = Context::load(cli, &args.spec.path, args.table.as_deref())?;
    let keep = args
        .to
        .as_deref()
        .map(|text| context.step_named(text))
        .transpose()?;
    if !args.yes {
        prompt::require("--yes")?;
    }
    existing::refuse_edited_files(&context, &args.allow)?;
    let target = context.target.clone().with_notices(notices::printer(cli));
    let options = RunOptions {
        variables: args.lock.variables(),
        record: context.record(),
        ..RunOptions::default()
    };
    let mut session = Session::open(&target, context.relations.clone(), options, interrupt::catch())?;
    let position = session.position()?;
    if position.stage == Stage::Completed {
        return Err(Failure::refused(
            &format!(
                "the retired table of {} was dropped: there is nothing to go back to",
                context.table.plain()
            ),
            "restore a backup, or create a table and copy the rows into it",
        ));
    }
    let mut bar = Bar::new(cli.quiet);
    for file in to_undo(&context, &position, keep.as_deref()) {
        refuse_what_the_runner_undoes(&context, &file.name.stem)?;
        if !args.yes && !confirmed(file, &context)? {
            eprintln!("stopped before undoing {}", file.name.stem);
            return Ok(());
        }
        session.run(file, None, Direction::Down, &mut bar)?;
        println!("undone: {:04} {}", file.name.number, file.name.stem);
    }
    say_what_the_runner_believes(&context, keep.as_deref());
    if session.position()?.stage == Stage::NotStarted {
        session.forget()?;
        println!("{} is as it was before", context.table.plain());
    }
    Ok(())
}

/// A runner that knows the way back must go it, or it would believe that its migrations are run.
fn refuse_what_the_runner_undoes(context: &Context, step: &str) -> Result<(), Failure> {
    let (Some(runner), RunBy::Runner(_, place)) = (context.runner(), context.run_by(step)) else {
        return Ok(());
    };
    match runner.undo() {
        Undo::Scripts => Ok(()),
        Undo::Runner(command) => Err(Failure::refused(
            &format!("{step} was run by {} ({})", runner.name().as_str(), place.version),
            &format!("undo it there: {command}"),
        )),
    }
}

/// A runner without a way back must be told, also of steps that had nothing to undo.
fn say_what_the_runner_believes(context: &Context, keep: Option<&str>) {
    let steps = behind(context, keep);
    let noted = steps.iter().filter(|step| context.is_noted(step));
    let statements: Vec<String> = noted.filter_map(|step| context.forget(step)).collect();
    if let (Some(runner), false) = (context.runner(), statements.is_empty()) {
        let (name, table) = (runner.name().as_str(), &context.spec.name);
        println!(
            "{name} still takes these for run: pgcleave apply {table} runs them again; or, so that {name} does, where nothing behind them has run:"
        );
        println!("{}", statements.join("\n"));
    }
}

/// Down files of the steps that are done, newest first, down to the one to keep.
fn to_undo<'a>(context: &'a Context, position: &Position, keep: Option<&str>) -> Vec<&'a MigrationFile> {
    behind(context, keep)
        .iter()
        .filter(|stem| may_be_done(stem, position))
        .filter_map(|stem| context.directory.find(stem, Part::Down))
        .collect()
}

/// Steps behind the one to keep, the last one first.
fn behind(context: &Context, keep: Option<&str>) -> Vec<String> {
    let steps = context.steps().into_iter().rev();
    steps.take_while(|stem| keep != Some(stem.as_str())).collect()
}

/// Foreign keys may be there in part, or moved in part, when their step was interrupted; copied
/// rows and partitions' indexes too, and materialized views that a second cutover needs anew; and undoing either is harmless where there is nothing.
fn may_be_done(step: &str, position: &Position) -> bool {
    match step {
        "add_foreign_keys" | "build_materialized_views" => position.stage >= Stage::InStep,
        "move_incoming_foreign_keys" => position.foreign_keys_moving,
        "run_batch_copy" => position.stage >= Stage::Copying,
        "build_partition_indexes" => position.stage >= Stage::Copied && position.progress.indexes_total > 0,
        _ => position.is_done(step),
    }
}

fn confirmed(file: &MigrationFile, context: &Context) -> Result<bool, Failure> {
    eprintln!("\n{:04} {}", file.name.number, file.title());
    if let Some(lock) = file.header("Lock").next() {
        eprintln!("  lock: {lock}");
    }
    loop {
        match prompt::ask_step(&format!("Undo this step on {}?", context.table.plain()))? {
            Answer::Yes => return Ok(true),
            Answer::No | Answer::Quit => return Ok(false),
            Answer::Show => eprintln!("{}", file.text),
        }
    }
}
