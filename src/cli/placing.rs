//! Which runner the files are for, and where they stand among its migrations.

use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::ValueEnum;
use postgres::Client;

use super::existing::unregistered;
use super::noted::Noted;
use super::project::Folder;
use super::{Failure, GenerateArgs};
use crate::apply::Position;
use crate::migration::FileName;
use crate::plan::{Plan, Step};
use crate::runner::{
    self, Changed, FORMAT, NoTransaction, Placement, Runner, Site, Undo, shares, usual_through,
};
use crate::spec::{RunnerName, TableSpec};
use crate::sql::QualifiedName;

/// What `--runner` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunnerChoice {
    /// The one whose marks the working folder has.
    Auto,
    Named(RunnerName),
}

impl ValueEnum for RunnerChoice {
    fn value_variants<'a>() -> &'a [Self] {
        static VARIANTS: std::sync::LazyLock<Vec<RunnerChoice>> = std::sync::LazyLock::new(|| {
            let named = RunnerName::value_variants().iter().copied();
            std::iter::once(RunnerChoice::Auto)
                .chain(named.map(RunnerChoice::Named))
                .collect()
        });
        &VARIANTS
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        match self {
            Self::Auto => {
                Some(clap::builder::PossibleValue::new("auto").help("The runner that this folder uses"))
            }
            Self::Named(name) => name.to_possible_value(),
        }
    }
}

/// Completes the spec by what flags and the working folder say of the runner.
pub fn settle_runner(spec: &mut TableSpec, args: &GenerateArgs) -> Result<(), Failure> {
    let before = spec.runner;
    let mut found = None;
    match args.runner {
        None => {}
        Some(RunnerChoice::Named(name)) => spec.runner = name,
        Some(RunnerChoice::Auto) => {
            let only = the_only_runner()?;
            spec.runner = only.0;
            found = Some(only.1);
        }
    }
    if spec.runner != before {
        (spec.directory, spec.through) = (None, None);
    }
    let Some(runner) = runner::named(spec.runner) else {
        (spec.directory, spec.through) = (None, None);
        return match (&args.directory, &args.through) {
            (None, None) => Ok(()),
            _ => Err(Failure::usage(
                "--directory and --through are for other runners than plain",
                "name the runner: --runner, or --out for the folder of plain files",
            )),
        };
    };
    let marked = || runner.find(&Folder).map(|found| found.directory);
    spec.directory = (args.directory.clone())
        .or(spec.directory.take())
        .or(found)
        .or_else(marked)
        .or_else(|| Some(PathBuf::from(runner.usual_directory())));
    if let Some(through) = &args.through {
        spec.through = Some(through.clone());
    }
    Ok(())
}

fn the_only_runner() -> Result<(RunnerName, PathBuf), Failure> {
    let mut found = runner::find(&Folder);
    match found.len() {
        1 => {
            let (runner, found) = found.remove(0);
            eprintln!(
                "{} writes to {} ({})",
                runner.name().as_str(),
                found.directory.display(),
                found.mark
            );
            Ok((runner.name(), found.directory))
        }
        0 => Err(Failure::usage(
            "no migration runner has left its marks in this folder",
            "start pgcleave in the project's folder, or name the runner: --runner",
        )),
        _ => {
            let names: Vec<String> = found
                .iter()
                .map(|(runner, found)| format!("{} ({})", runner.name().as_str(), found.mark))
                .collect();
            Err(Failure::usage(
                &format!(
                    "this folder has the marks of several runners: {}",
                    names.join(", ")
                ),
                "name the one that the files are for: --runner",
            ))
        }
    }
}

/// A hint for whoever gets plain files in a folder that a runner has left its marks in.
pub fn hint_at_runner(spec: &TableSpec, args: &GenerateArgs) {
    if spec.runner != RunnerName::Plain || args.runner.is_some() {
        return;
    }
    if let [(runner, found)] = runner::find(&Folder).as_slice() {
        let name = runner.name().as_str();
        eprintln!(
            "this folder uses {name} ({}): --runner {name} writes its migrations",
            found.mark
        );
    }
}

/// Which of a table's migrations can't be changed any more.
pub struct HasRun {
    position: Position,
    noted: Noted,
}

impl HasRun {
    /// Asks the catalog and the runner's history.
    pub fn read(client: &mut Client, position: Position, runner: RunnerName) -> Result<Self, Failure> {
        let noted = Noted::read(client, runner)?;
        Ok(Self { position, noted })
    }

    pub fn step(&self, step: &str, placement: Option<&Placement>) -> bool {
        self.position.is_done(step) || placement.is_some_and(|placement| self.noted.step(step, placement))
    }

    /// Files of the steps that have run: the runner's migrations, or plain files of every part.
    pub fn files(
        &self,
        plan: &Plan,
        folder: &Path,
        placement: Option<&Placement>,
    ) -> Result<Vec<PathBuf>, Failure> {
        let mut placed = placement.cloned();
        if let Some(placed) = &mut placed {
            placed.steps.retain(|place| self.step(&place.step, placement));
            placed.by_hand.retain(|step| self.step(step, placement));
        }
        let outputs = runner::outputs(plan, folder, placed.as_ref())?;
        let paths = outputs.into_iter().map(|output| output.path);
        Ok(match placement {
            Some(_) => paths.collect(),
            None => paths.filter(|path| self.has_run_of_file(path)).collect(),
        })
    }

    fn has_run_of_file(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(FileName::parse)
            .is_some_and(|name| self.position.is_done(&name.stem))
    }
}

/// Gives every step of the plan that the runner is to run its place; those that have one keep it.
pub fn place(
    table: &QualifiedName,
    spec: &mut TableSpec,
    plan: &Plan,
    old: Option<Placement>,
    has_run: &HasRun,
) -> Result<Option<Placement>, Failure> {
    let Some(runner) = runner::named(spec.runner) else {
        return Ok(None);
    };
    let directory = spec
        .directory
        .clone()
        .unwrap_or_else(|| PathBuf::from(runner.usual_directory()));
    let through = last_step(runner, spec, plan)?;
    spec.through = Some(through.stem().to_owned());
    let shares = shares(runner, &plan.steps, through, spec.copy);
    let mut placement = kept(runner, old.as_ref(), directory, &shares.placed)?;
    let gone = old
        .map(|old| give_up(&old, &placement, plan, has_run))
        .transpose()?;
    // What is placed anew comes behind what stays.
    let project = Changed {
        before: &Folder,
        gone: gone.as_ref().map_or(&[], |gone| &gone.files),
        texts: &unregistered(gone.as_ref())?,
    };
    let site = Site {
        project: &project,
        directory: &placement.directory,
        style: &placement.style,
        slug: &runner::slug(table),
        now: Utc::now(),
    };
    let places = runner.place(&site, &shares.placed[placement.steps.len()..])?;
    placement.steps.extend(places);
    runner::refuse_misread(runner, &runner::migrations(plan)?)?;
    placement.by_hand = shares.by_hand.iter().map(|step| step.stem().to_owned()).collect();
    // Before anything is written, so that a file that can't name ours is refused.
    let outputs = runner::outputs(plan, Path::new(""), Some(&placement))?;
    runner.register(&project, &placement, &outputs)?;
    Ok(Some(placement))
}

/// The places that steps have already, as far as they come in the same order.
fn kept(
    runner: &dyn Runner,
    old: Option<&Placement>,
    directory: PathBuf,
    wanted: &[Step],
) -> Result<Placement, Failure> {
    let same = old.filter(|old| old.runner == runner.name() && old.directory == directory);
    let Some(old) = same else {
        return Ok(Placement {
            format: FORMAT,
            runner: runner.name(),
            style: runner.style(&Folder, &directory)?,
            directory,
            steps: Vec::new(),
            by_hand: Vec::new(),
            files: Vec::new(),
        });
    };
    let mut kept = old.clone();
    let fitting = (old.steps.iter().zip(wanted)).take_while(|(place, step)| place.step == step.stem());
    kept.steps.truncate(fitting.count());
    Ok(kept)
}

/// What isn't kept, unless some of it has run.
fn give_up(old: &Placement, kept: &Placement, plan: &Plan, has_run: &HasRun) -> Result<Placement, Failure> {
    let outputs = runner::outputs(plan, Path::new(""), Some(kept))?;
    let written: Vec<PathBuf> = outputs.into_iter().map(|output| output.path).collect();
    let gone = old.given_up(Some(kept), &written);
    let ran = (gone.steps.iter()).find(|place| has_run.step(&place.step, Some(old)));
    let Some(place) = ran else {
        return Ok(gone);
    };
    Err(Failure::refused(
        &format!(
            "{} ({}) has run, and what is asked for has no such migration in {}",
            place.step,
            place.version,
            old.directory.display()
        ),
        "ask for what fits the migrations that have run, or undo them first",
    ))
}

/// The step that the spec ends the runner's migrations with, or the usual one.
pub fn last_step(runner: &dyn Runner, spec: &TableSpec, plan: &Plan) -> Result<Step, Failure> {
    let Some(asked) = &spec.through else {
        return usual_through(runner, &plan.steps, spec.copy).ok_or_else(|| {
            Failure::usage("the plan has no step", "this must never happen: please report it")
        });
    };
    let step = Step::from_stem(asked).filter(|step| plan.steps.contains(step));
    step.ok_or_else(|| {
        let stems: Vec<&str> = plan.steps.iter().map(|step| step.stem()).collect();
        Failure::usage(
            &format!("there is no step {asked:?} (through)"),
            &format!("one of: {}", stems.join(", ")),
        )
    })
}

/// What the user must know about how this runner goes about it.
pub fn explain(spec: &TableSpec, placement: &Placement, folder: &Path, plan: &Plan) -> Vec<String> {
    let Some(runner) = runner::named(placement.runner) else {
        return Vec::new();
    };
    let name = runner.name().as_str();
    let by_hand = folder.join(runner::BY_HAND);
    let mut lines: Vec<String> = runner
        .remarks()
        .iter()
        .map(|remark| format!("{name}: {remark}"))
        .collect();
    if !placement.by_hand.is_empty() {
        let why = match runner.no_transaction() {
            NoTransaction::Impossible => "runs everything in transactions",
            NoTransaction::Marked => "isn't to copy",
        };
        lines.push(format!(
            "{name} {why}: run {} with psql or pgcleave apply; the migration behind it refuses until that is done",
            placement.by_hand.join(", ")
        ));
    }
    if runner.undo() == Undo::Scripts {
        lines.push(format!(
            "{name} knows no way back: pgcleave rollback, or the scripts in {}; both name what makes it forget what it has run",
            by_hand.display()
        ));
    }
    if placement.of(Step::CutOver.stem()).is_some() {
        lines.push(format!("cut_over {}", runner::STALE));
    }
    let through = spec.through.as_deref().and_then(Step::from_stem);
    let next = plan.steps.iter().find(|step| Some(**step) > through);
    if let (Some(through), Some(next)) = (through, next) {
        let then = shares(runner, &plan.steps, *next, spec.copy);
        lines.push(format!(
            "the migrations end with {}; when they have run: pgcleave generate {} --through {}{}",
            through.stem(),
            spec.name,
            next_stop(plan, through).stem(),
            if then.by_hand.contains(next) {
                " (behind what is run by hand)"
            } else {
                ""
            }
        ));
    }
    lines
}

/// Where the next set of migrations sensibly ends.
fn next_stop(plan: &Plan, through: Step) -> Step {
    if through == Step::ScheduleCopy {
        // Once pg_cron has copied; what follows must wait until it has caught up.
        let mut before = plan
            .steps
            .iter()
            .rev()
            .skip_while(|step| **step >= Step::UnscheduleCopy);
        return before.next().copied().unwrap_or(through);
    }
    let stops = [Step::VerifyCopy, Step::VerifyCutover, Step::DropRetiredTable];
    let stop = stops
        .into_iter()
        .find(|stop| *stop > through && plan.steps.contains(stop));
    stop.unwrap_or(through)
}
