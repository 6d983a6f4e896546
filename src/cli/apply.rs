//! `pgcleave apply`: shows each pending step, asks, runs it, records it.

use indicatif::HumanBytes;

use super::changes::{changes, remedy};
use super::existing;
use super::lock::milliseconds;
use super::progress_bar::Bar;
use super::prompt::{self, Answer};
use super::run_context::{Context, RunBy};
use super::{ApplyArgs, Cli, Failure, Hazard, hold, inspect, interrupt, pg_cron};
use crate::apply::{RunOptions, Session, Stage, read_stage};
use crate::catalog;
use crate::db::history::Direction;
use crate::migration::MigrationFile;
use crate::plan::Facts;

pub fn run(cli: &Cli, args: &ApplyArgs) -> Result<(), Failure> {
    let context = Context::load(cli, &args.spec.path, args.table.as_deref())?;
    let through = args
        .through
        .as_deref()
        .map(|text| context.step_named(text))
        .transpose()?;
    if !args.yes {
        prompt::require("--yes")?;
    }
    existing::refuse_edited_files(&context, &args.allow)?;
    let target = context.target.clone().with_notices(super::notices::printer(cli));
    if args.hold && !prompt::is_possible() {
        return Err(Failure::usage(
            "--hold asks, and there is no terminal to ask on",
            "hold by a file instead: --hold-file FILE",
        ));
    }
    if let Some(next) = turn_of_another(&context, through.as_deref())? {
        eprintln!("{next}");
        return Ok(());
    }
    let options = RunOptions {
        record: context.record(),
        ..options(args)
    };
    let mut session = Session::open(&target, context.relations.clone(), options, interrupt::catch())?;
    let stage = session.position()?.stage;
    if stage < Stage::CutOver {
        refuse_changed_catalog(&context, &mut session, stage)?;
    }
    if !args.allow.contains(&Hazard::EditedFiles) {
        refuse_changed_history(&context, &mut session)?;
    }
    if !cli.quiet && stage < Stage::CutOver {
        eprintln!("{}", size(&context, &mut session)?);
    }
    run_pending(cli, args, &context, &mut session, through.as_deref())
}

/// What somebody else has to do first, where that is so: nothing is changed then, not even a lock taken.
fn turn_of_another(context: &Context, through: Option<&str>) -> Result<Option<String>, Failure> {
    if context.placement.is_none() {
        return Ok(None);
    }
    let position = read_stage(&mut context.target.open()?, &context.relations)?;
    let next = context.next_step(&position);
    let is_ours = next.is_none_or(|step| is_ours(context, step, through));
    Ok(context.next_by_others(&position).filter(|_| !is_ours))
}

/// The flags, as the run needs them.
fn options(args: &ApplyArgs) -> RunOptions {
    let mut variables = args.lock.variables();
    let given = [
        ("switch_budget", args.switch_budget.map(milliseconds)),
        ("count_budget", args.count_budget.map(milliseconds)),
        ("verified_within", args.verified_within.map(milliseconds)),
        (
            "recount_under_lock",
            args.recount_under_lock.then(|| "on".to_owned()),
        ),
    ];
    variables.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
    RunOptions {
        allowed: args.allow.iter().map(|h| hazard_name(*h).to_owned()).collect(),
        variables,
        load: args.load.load(),
        pause_file: args.pause_file.clone(),
        ..RunOptions::default()
    }
}

/// What the estimates in the headers are in proportion to.
fn size(context: &Context, session: &mut Session) -> Result<String, Failure> {
    let mut snapshot = catalog::snapshot(session.client())?;
    let measures = catalog::load_measures(&mut snapshot, &context.table)?;
    let bytes = |n: i64| HumanBytes(n.unsigned_abs());
    Ok(format!(
        "{}: {} table, {} indexes, {}",
        context.table.plain(),
        bytes(measures.table_bytes),
        bytes(measures.index_bytes),
        inspect::rows(&measures)
    ))
}

fn hazard_name(hazard: Hazard) -> &'static str {
    match hazard {
        Hazard::UnseenSnapshots => "unseen_snapshots",
        Hazard::EditedFiles => "edited_files",
    }
}

/// The table must be what the files were rendered from.
fn refuse_changed_catalog(context: &Context, session: &mut Session, stage: Stage) -> Result<(), Failure> {
    let Facts { table: recorded, .. } = context.facts()?;
    let mut snapshot = catalog::snapshot(session.client())?;
    let live = catalog::load_table(&mut snapshot, &context.table)?;
    let lines = changes(&recorded, &live)?;
    if lines.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(
        &format!(
            "{} has changed since its migrations were written:\n- {}",
            context.table.plain(),
            lines.join("\n- ")
        ),
        &remedy(stage, &context.spec.name),
    ))
}

/// The file of a step that is done must not change: its down file would not fit.
fn refuse_changed_history(context: &Context, session: &mut Session) -> Result<(), Failure> {
    let position = session.position()?;
    let history = session.history()?;
    for file in context
        .directory
        .ups()
        .filter(|file| position.is_done(&file.name.stem))
    {
        let ran = history
            .iter()
            .rfind(|e| e.step == file.name.stem && e.direction == Direction::Up);
        if let Some(entry) = ran.filter(|entry| entry.checksum != file.checksum()) {
            return Err(Failure::refused(
                &format!("{} was changed after it was run on {}", file.name, entry.at),
                "bring the file back as it was (version control), roll back with the files as they were, or, if they are right: --allow edited_files",
            ));
        }
    }
    Ok(())
}

fn run_pending(
    cli: &Cli,
    args: &ApplyArgs,
    context: &Context,
    session: &mut Session,
    through: Option<&str>,
) -> Result<(), Failure> {
    let mut bar = Bar::new(cli.quiet);
    for file in context.directory.ups() {
        let stem = file.name.stem.as_str();
        let named = through == Some(stem);
        if is_final(stem) && !through.is_some_and(is_final) {
            break;
        }
        let position = session.position()?;
        if !position.is_done(stem) {
            if position.waits_for_pg_cron(stem) {
                eprintln!("{}", pg_cron::is_at_work(context, session.client(), &position)?);
                return Ok(());
            }
            if !is_ours(context, stem, through) {
                break;
            }
            if !args.yes && !confirmed(file, context)? {
                eprintln!(
                    "stopped before {stem}; go on with: pgcleave apply {}",
                    context.spec.name
                );
                return Ok(());
            }
            if stem == "cut_over" {
                if !hold::cut_over(args, context, session, file, &mut bar)? {
                    return Ok(());
                }
            } else {
                session.run_step(&context.directory, stem, &mut bar)?;
            }
            println!("done: {:04} {stem}", file.name.number);
            if let Some(evidence) = session.position()?.evidence.filter(|_| compares(stem)) {
                println!("      {evidence}");
            }
        }
        if named {
            break;
        }
    }
    if !cli.quiet {
        eprintln!("{}", super::status::next_step(context, &session.position()?));
    }
    Ok(())
}

/// Whether pgcleave is to run a step: the team's runner runs its own migrations, and those that aren't written for it
/// are run when they are named.
fn is_ours(context: &Context, step: &str, through: Option<&str>) -> bool {
    match context.next_run_by(step) {
        RunBy::Us => true,
        // Whoever has undone a cutover wants another one only when they say so.
        RunBy::UsAgain => step != "cut_over" || through.is_some(),
        RunBy::Runner(..) => false,
        RunBy::NotWritten => through.is_some(),
    }
}

/// Steps that are run when one of them is named only: going back is cheap and complete before them.
pub fn is_final(step: &str) -> bool {
    matches!(step, "move_incoming_foreign_keys" | "drop_retired_table")
}

/// Steps after which the state table says what was compared, and how.
fn compares(step: &str) -> bool {
    matches!(
        step,
        "keep_in_step" | "verify_copy" | "cut_over" | "verify_cutover"
    )
}

/// Shows a step and asks until the answer isn't "show".
fn confirmed(file: &MigrationFile, context: &Context) -> Result<bool, Failure> {
    eprintln!("\n{:04} {}", file.name.number, file.title());
    for heading in ["Lock", "Takes", "Undo", "Hazards", "Mind"] {
        file.header(heading)
            .for_each(|text| eprintln!("  {}: {text}", heading.to_lowercase()));
    }
    loop {
        let answer = prompt::ask_step(&format!("Run this step on {}?", context.table.plain()))?;
        match answer {
            Answer::Yes => return Ok(true),
            Answer::No | Answer::Quit => return Ok(false),
            Answer::Show => eprintln!("{}", file.text),
        }
    }
}
