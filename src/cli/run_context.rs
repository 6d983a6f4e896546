//! What `apply`, `rollback`, `status` and `verify` have in common: the table's
//! spec, folder and session.

use std::path::{Path, PathBuf};

use super::apply::is_final;
use super::existing::{read_facts, read_placement, render_again};
use super::noted::Noted;
use super::{Cli, Failure, connect, source};
use crate::apply::{Position, Record, Relations};
use crate::db::connect::Target;
use crate::migration::{Directory, Part};
use crate::plan::Facts;
use crate::runner::{self, Place, Placement, Runner};
use crate::spec::TableSpec;
use crate::sql::QualifiedName;

/// A table with its migrations and the server.
pub struct Context {
    pub target: Target,
    pub table: QualifiedName,
    pub spec: TableSpec,
    pub folder: PathBuf,
    /// The plain files, for another runner rendered in memory: the same statements.
    pub directory: Directory,
    /// Where another runner's files stand.
    pub placement: Option<Placement>,
    /// Steps whose migrations that runner's history has.
    noted: Vec<String>,
    pub relations: Relations,
}

/// Who is to run a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunBy<'a> {
    /// pgcleave, or psql.
    Us,
    /// The team's runner has a migration for it.
    Runner(&'static str, &'a Place),
    /// The runner has run its migration, and won't do so again; but the step was undone since.
    UsAgain,
    /// The runner's migrations don't go so far yet.
    NotWritten,
}

impl Context {
    /// Finds everything by the spec.
    pub fn load(cli: &Cli, spec_path: &Path, table: Option<&str>) -> Result<Self, Failure> {
        let (table, spec) = source::spec_of(spec_path, table)?;
        let folder = spec.folder(&table);
        let placement = read_placement(&folder)?;
        let directory = match placement {
            None => Directory::read(&folder)?,
            Some(_) => Directory {
                files: runner::files(&render_again(&folder, &spec)?.plan)?,
                path: folder.clone(),
            },
        };
        let target = connect::target(cli)?;
        let noted = match &placement {
            None => Vec::new(),
            Some(placement) => Noted::read(&mut target.open()?, placement.runner)?.steps(placement),
        };
        Ok(Self {
            target,
            noted,
            relations: Relations::of(&table),
            table,
            spec,
            folder,
            directory,
            placement,
        })
    }

    /// The runner that the files are for, unless they are plain.
    pub fn runner(&self) -> Option<&'static dyn Runner> {
        self.placement.as_ref().and_then(|p| runner::named(p.runner))
    }

    /// Where runs are recorded: another runner keeps its own history.
    pub fn record(&self) -> Record {
        match self.placement {
            None => Record::InHistory,
            Some(_) => Record::Nowhere,
        }
    }

    /// Whether the runner's history has a step's migration.
    pub fn is_noted(&self, step: &str) -> bool {
        self.noted.iter().any(|noted| noted == step)
    }

    /// The statement that makes the runner's history forget a step, where the runner knows no way back.
    pub fn forget(&self, step: &str) -> Option<String> {
        self.runner()?.forget(self.placement.as_ref()?.of(step)?)
    }

    /// Who is to run a step that isn't done.
    pub fn next_run_by(&self, step: &str) -> RunBy<'_> {
        match self.run_by(step) {
            RunBy::Runner(..) if self.is_noted(step) => RunBy::UsAgain,
            other => other,
        }
    }

    /// Who is to run a step.
    pub fn run_by(&self, step: &str) -> RunBy<'_> {
        let Some((placement, runner)) = self.placement.as_ref().zip(self.runner()) else {
            return RunBy::Us;
        };
        match placement.of(step) {
            Some(place) => RunBy::Runner(runner.command(), place),
            None if placement.by_hand.iter().any(|by_hand| by_hand == step) => RunBy::Us,
            None => RunBy::NotWritten,
        }
    }

    /// The first step that isn't done.
    pub fn next_step(&self, position: &Position) -> Option<&str> {
        let mut steps = self.directory.ups().map(|file| file.name.stem.as_str());
        steps.find(|step| !position.is_done(step))
    }

    /// What is to be done next where another runner has its part in it; `None` where pgcleave goes on.
    pub fn next_by_others(&self, position: &Position) -> Option<String> {
        let step = self.next_step(position)?;
        let table = &self.spec.name;
        match self.next_run_by(step) {
            RunBy::Us if self.placement.is_some() && is_final(step) => {
                Some(format!("next: pgcleave apply {table} --through {step}"))
            }
            RunBy::Us => None,
            RunBy::UsAgain => Some(format!(
                "next: pgcleave apply {table} --through {step} (its migration has run, and the step was undone since)"
            )),
            RunBy::Runner(command, place) => Some(format!(
                "next: {command} (the migration {} {})",
                place.version, place.name
            )),
            RunBy::NotWritten => Some(format!(
                "next: pgcleave generate {table} --through STEP writes the migration for {step}, or pgcleave apply {table} --through {step} runs it"
            )),
        }
    }

    /// The catalog snapshot that the files were rendered from.
    pub fn facts(&self) -> Result<Facts, Failure> {
        read_facts(&self.folder)
    }

    /// The step that the user named by number, stem or file name.
    pub fn step_named(&self, text: &str) -> Result<String, Failure> {
        let found = self.directory.ups().find(|file| {
            let number = text.parse().is_ok_and(|n: u32| n == file.name.number);
            number || text == file.name.stem || file.name.to_string().starts_with(&format!("{text}."))
        });
        found.map(|file| file.name.stem.clone()).ok_or_else(|| {
            let steps = self
                .directory
                .ups()
                .map(|f| format!("{} {}", f.name.number, f.name.stem));
            Failure::usage(
                &format!("there is no step {text:?}"),
                &format!("one of: {}", steps.collect::<Vec<_>>().join(", ")),
            )
        })
    }

    /// Stems of all steps, first to last.
    pub fn steps(&self) -> Vec<String> {
        self.directory
            .files
            .iter()
            .filter(|f| f.name.part == Part::Up)
            .map(|f| f.name.stem.clone())
            .collect()
    }
}
