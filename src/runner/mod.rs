//! Migration runners: where each keeps its migrations, and how it names, annotates and wraps the same statements.
//!
//! A runner's file says what is particular to it. What it writes depends on the plan and the [`Placement`] alone,
//! so that `check` gets the same bytes again.

mod alembic;
mod atlas;
mod changelog;
mod dbmate;
mod diesel;
mod django;
mod ecto;
mod flyway;
mod golang_migrate;
mod goose;
mod graphile_migrate;
mod header;
mod javascript;
mod knex;
mod liquibase;
mod marks;
mod node_pg_migrate;
mod placement;
mod plain;
mod prisma;
mod project;
mod python;
mod question_marks;
mod rails;
mod refinery;
mod script;
mod settings;
mod shares;
mod slug;
mod sqitch;
mod sqlx;
mod versions;
mod words;
mod writing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

pub use placement::{FORMAT, Place, Placement};
pub use plain::files;
pub(crate) use project::Changed;
pub use project::Project;
pub use script::{Down, Migration, Script, migrations};
pub use shares::{Shares, shares, usual_through};
pub(crate) use words::refuse_misread;
pub(crate) use writing::STALE;

use self::marks::{folder_with, quoted_after, relative, versions_before_underscore, versions_in};
use self::words::{comment_begins, has_carriage_return};
use self::writing::{NOTHING, camel_case, comment, something, something_as_one, with_lines};
use crate::migration::{FileName, MigrationFile, Part};
use crate::plan::{Plan, Step};
use crate::spec::RunnerName;
use crate::sql::QualifiedName;

/// Folder, within the table's, of what psql runs beside the runner.
pub const BY_HAND: &str = "by_hand";

/// A file as it is to be, relative to the project's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Where it stands, in the project's folder.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
}

/// Where a runner was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its folder of migrations.
    pub directory: PathBuf,
    /// The file or line that says so.
    pub mark: String,
}

/// Why migrations can't be placed among a project's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct PlaceError {
    /// In a sentence without a full stop.
    pub cause: String,
    /// What to do about it.
    pub remedy: String,
}

/// How a runner goes about a step that must not run in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTransaction {
    /// Its files can say so.
    Marked,
    /// It has no such mode: psql or pgcleave runs the step, and the next file refuses until that is done.
    Impossible,
}

/// What undoes a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// The runner, by this command.
    Runner(&'static str),
    /// It knows no way back: there are scripts for psql, and its history is told by hand.
    Scripts,
}

/// Where new migrations go.
pub struct Site<'a> {
    /// What is there already.
    pub project: &'a dyn Project,
    /// The runner's folder of migrations.
    pub directory: &'a Path,
    /// What was recorded before, or what [`Runner::style`] has found.
    pub style: &'a BTreeMap<String, String>,
    /// The table's name as a part of names.
    pub slug: &'a str,
    /// For versions that are time stamps.
    pub now: DateTime<Utc>,
}

impl Site<'_> {
    /// The readable name of a step's migration.
    pub fn name(&self, step: Step) -> String {
        format!("{}_{}", self.slug, step.stem())
    }

    /// Names of what is in the folder.
    pub fn entries(&self) -> Vec<String> {
        self.project.entries(self.directory)
    }

    /// Places for the steps with these versions.
    pub fn places(&self, steps: &[Step], versions: Vec<String>) -> Vec<Place> {
        steps
            .iter()
            .zip(versions)
            .map(|(step, version)| Place {
                step: step.stem().to_owned(),
                version,
                name: self.name(*step),
                after: None,
            })
            .collect()
    }
}

/// A migration runner.
pub trait Runner: Sync {
    /// As `--runner` and `pgcleave.toml` name it.
    fn name(&self) -> RunnerName;

    /// Looks for its marks in a project.
    fn find(&self, project: &dyn Project) -> Option<Found>;

    /// Where it keeps its migrations unless the project says otherwise.
    fn usual_directory(&self) -> &'static str;

    /// What its files need to know of the project beside the folder; recorded once.
    ///
    /// # Errors
    /// When the project doesn't say it, with what to do about it.
    fn style(
        &self,
        _project: &dyn Project,
        _directory: &Path,
    ) -> Result<BTreeMap<String, String>, PlaceError> {
        Ok(BTreeMap::new())
    }

    /// Places for steps that come after everything that is there.
    ///
    /// # Errors
    /// When the folder doesn't say what comes last, with what to do about it.
    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError>;

    /// A step's files. `before` are those of the steps before it, the last of them last.
    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        before: &[Output],
    ) -> Vec<Output>;

    /// Whether the runner would take a line of SQL for a word of its own, or lose something of it.
    fn listens_to(&self, _line: &str) -> bool {
        false
    }

    /// What in a script wouldn't reach the server as it is.
    fn misread(&self, _script: &str) -> Option<String> {
        None
    }

    /// Files of the project's own that must name ours, as they are to be: a plan, a list of checksums.
    ///
    /// `outputs` are the files of all steps. Saying it twice changes nothing.
    ///
    /// # Errors
    /// When a file can't be understood.
    fn register(
        &self,
        _project: &dyn Project,
        _placement: &Placement,
        _outputs: &[Output],
    ) -> Result<Vec<Output>, PlaceError> {
        Ok(Vec::new())
    }

    /// The same files without what they say of migrations that are given up, whose files the project no longer has.
    ///
    /// # Errors
    /// When a file can't be understood.
    fn unregister(&self, _project: &dyn Project, _gone: &Placement) -> Result<Vec<Output>, PlaceError> {
        Ok(Vec::new())
    }

    /// What becomes of a step that must not run in a transaction.
    fn no_transaction(&self) -> NoTransaction {
        NoTransaction::Marked
    }

    /// How its users go back.
    fn undo(&self) -> Undo;

    /// What the user must know about this runner: said when generating and in the files' headers.
    fn remarks(&self) -> &'static [&'static str] {
        &[]
    }

    /// The query for the versions that have run, with `{}` for the table, and the table's name, with its schema where
    /// that is always the same; `None` where there is no such table.
    fn history(&self) -> Option<(&'static str, &'static str)>;

    /// Every version that has run, where the history holds the last one alone.
    fn all_that_ran(&self, _project: &dyn Project, _directory: &Path, noted: &[String]) -> Vec<String> {
        noted.to_owned()
    }

    /// The statement that makes the runner's history forget a migration, where the runner has no way back itself.
    fn forget(&self, _place: &Place) -> Option<String> {
        None
    }

    /// The command that runs what is pending, to say what comes next.
    fn command(&self) -> &'static str;
}

/// Every runner but `plain`.
const RUNNERS: [&dyn Runner; 18] = [
    &alembic::Alembic,
    &django::Django,
    &rails::Rails,
    &ecto::Ecto,
    &sqitch::Sqitch,
    &liquibase::Liquibase,
    &flyway::Flyway,
    &atlas::Atlas,
    &prisma::Prisma,
    &graphile_migrate::GraphileMigrate,
    &diesel::Diesel,
    &sqlx::Sqlx,
    &refinery::Refinery,
    &knex::Knex,
    &node_pg_migrate::NodePgMigrate,
    &goose::Goose,
    &dbmate::Dbmate,
    &golang_migrate::GolangMigrate,
];

/// The runner of a name; `None` for `plain`, whose files are pgcleave's own.
pub fn named(name: RunnerName) -> Option<&'static dyn Runner> {
    RUNNERS.into_iter().find(|runner| runner.name() == name)
}

/// Every runner whose marks a project has.
pub fn find(project: &dyn Project) -> Vec<(&'static dyn Runner, Found)> {
    RUNNERS
        .into_iter()
        .filter_map(|runner| Some((runner, runner.find(project)?)))
        .collect()
}

/// The table's name as a part of names.
pub fn slug(table: &QualifiedName) -> String {
    slug::of_table(table)
}

/// Every file of a table's conversion: in its own folder for `plain`, else where the placement says.
///
/// # Errors
/// Only if a template fails to render.
pub fn outputs(
    plan: &Plan,
    folder: &Path,
    placement: Option<&Placement>,
) -> Result<Vec<Output>, askama::Error> {
    let plain = files(plan)?;
    let Some((placement, runner)) = placement.and_then(|p| Some((p, named(p.runner)?))) else {
        return Ok(plain.iter().map(|file| in_folder(folder, file)).collect());
    };
    let migrations = migrations(plan)?;
    let mut outputs = Vec::new();
    for place in &placement.steps {
        if let Some(migration) = migrations.iter().find(|m| m.step.stem() == place.step) {
            let files = runner.write(placement, place, migration, &outputs);
            outputs.extend(files);
        }
    }
    outputs.extend(scripts(runner, placement, folder, &plain));
    Ok(outputs)
}

fn in_folder(folder: &Path, file: &MigrationFile) -> Output {
    Output {
        path: folder.join(file.name.to_string()),
        text: file.text.clone(),
    }
}

/// Scripts for psql: of steps that the runner can't run, and of what it can't undo.
fn scripts(
    runner: &dyn Runner,
    placement: &Placement,
    folder: &Path,
    plain: &[MigrationFile],
) -> Vec<Output> {
    let folder = folder.join(BY_HAND);
    let mut scripts = Vec::new();
    for file in plain {
        let stem = &file.name.stem;
        if placement.by_hand.contains(stem) {
            scripts.push(in_folder(&folder, file));
        }
        let place = placement.of(stem).filter(|_| runner.undo() == Undo::Scripts);
        if let Some((place, script)) = place.zip(way_back(file, plain)) {
            scripts.push(in_folder(&folder, &with_forget(runner, place, script)));
        }
    }
    scripts
}

/// A down file; for an up file without one, one that does nothing: the runner must still be told.
fn way_back(file: &MigrationFile, plain: &[MigrationFile]) -> Option<MigrationFile> {
    let is_down = |other: &&MigrationFile| other.name.stem == file.name.stem && other.name.part == Part::Down;
    if is_down(&file) {
        return Some(file.clone());
    }
    let has_none = file.name.part == Part::Up && !plain.iter().any(|other| is_down(&other));
    if !has_none || file.name.stem == Step::DropRetiredTable.stem() {
        return None;
    }
    let name = FileName {
        part: Part::Down,
        ..file.name.clone()
    };
    let text = format!("-- {name}: there is nothing to undo\n");
    Some(MigrationFile { name, text })
}

/// The script with the statement that the runner's history wants behind it.
fn with_forget(runner: &dyn Runner, place: &Place, script: MigrationFile) -> MigrationFile {
    let name = runner.name().as_str();
    let forget = runner.forget(place).map_or_else(String::new, |statement| {
        format!("-- Afterwards, newest first, so that {name} runs it again: {statement}\n")
    });
    MigrationFile {
        text: format!("{forget}{}", script.text),
        ..script
    }
}
