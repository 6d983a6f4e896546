//! What the server says: which migrations have run, and how the table differs from what was recorded.

use std::fs;
use std::path::{Path, PathBuf};

use postgres::Transaction;
use serde::Serialize;

use super::Checked;
use super::after_cutover::AfterCutover;
use super::report::Finding;
use crate::apply::{Position, Relations, Stage, read_stage};
use crate::catalog;
use crate::cli::changes::{changes, remedy};
use crate::cli::{Failure, existing};
use crate::db::history::{self, Direction, Entry};
use crate::migration::{FileName, Part, checksum};
use crate::model::{DependentKind, Table};
use crate::plan::Facts;
use crate::runner::BY_HAND;
use crate::sql::QualifiedName;

/// The table on the server against the recorded catalog.
#[derive(Debug, Serialize)]
pub struct Live {
    pub stage: Stage,
    /// What has changed since the migrations were written, a sentence each.
    pub changes: Vec<String>,
    /// Whether writing the migrations again mends it.
    pub generate_again: bool,
    /// What to do about the changes.
    pub remedy: Option<String>,
}

impl Live {
    fn new(stage: Stage, changes: Vec<String>, remedy: String) -> Self {
        let has_changed = !changes.is_empty();
        Self {
            stage,
            generate_again: has_changed && stage == Stage::NotStarted,
            remedy: has_changed.then_some(remedy),
            changes,
        }
    }

    /// When the table was last as recorded.
    pub fn since(&self) -> &'static str {
        if self.stage < Stage::CutOver {
            "its migrations were written"
        } else {
            "its cutover"
        }
    }

    /// That all is well, in words.
    pub fn nothing_changed(&self) -> Option<&'static str> {
        match self.stage {
            _ if !self.changes.is_empty() => None,
            Stage::Completed => Some("the conversion is completed, and nothing is compared with the server"),
            Stage::CutOver => Some("the partitioned table is as the cutover left it"),
            _ => Some("the table on the server is as it was recorded"),
        }
    }
}

/// How far the conversion is, and what pgcleave has run.
pub struct Ran {
    position: Position,
    history: Vec<Entry>,
}

impl Ran {
    pub fn read(snapshot: &mut Transaction<'_>, table: &QualifiedName) -> Result<Self, Failure> {
        Ok(Self {
            position: read_stage(snapshot, &Relations::of(table))?,
            history: history::entries(snapshot, table)?,
        })
    }

    /// The run that a plain up file has behind it; the history knows those by pgcleave.
    fn last_run_of(&self, path: &Path) -> Option<&Entry> {
        let name = FileName::parse(path.file_name()?.to_str()?)?;
        let is_of_file = |entry: &&Entry| entry.step == name.stem && entry.direction == Direction::Up;
        let has_run = name.part == Part::Up && self.position.is_done(&name.stem);
        self.history.iter().rfind(is_of_file).filter(|_| has_run)
    }

    /// Files that were changed after they were run, as the history tells, though they are what pgcleave writes now.
    pub fn changed_since(&self, folder: &Path) -> Vec<Finding> {
        let mut findings = Vec::new();
        for folder in [folder.to_owned(), folder.join(BY_HAND)] {
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
            paths.sort();
            findings.extend(paths.iter().filter_map(|path| self.changed_file(path)));
        }
        findings
    }

    fn changed_file(&self, path: &Path) -> Option<Finding> {
        let entry = self.last_run_of(path)?;
        let text = fs::read_to_string(path).ok()?;
        (checksum(&text) != entry.checksum).then(|| {
            Finding::new(
                path,
                format!("{} was changed after it was run on {}", path.display(), entry.at),
                "bring the file back as it was (version control), or roll back with the files as they were",
            )
        })
    }
}

/// Compares the table with what was recorded; `None` where nothing was.
pub fn compare(
    snapshot: &mut Transaction<'_>,
    checked: &Checked,
    ran: &Ran,
) -> Result<Option<Live>, Failure> {
    let Some(facts) = facts(checked) else {
        return Ok(None);
    };
    let stage = ran.position.stage;
    if stage == Stage::Completed {
        return Ok(Some(Live::new(stage, Vec::new(), String::new())));
    }
    let name = &checked.table;
    if catalog::relation_kind(snapshot, name)?.is_none() {
        let changes = vec![format!("there is no table {}", name.plain())];
        let remedy = "check the connection: the table may be in another database".to_owned();
        return Ok(Some(Live::new(stage, changes, remedy)));
    }
    let live = load(snapshot, name)?;
    if stage < Stage::CutOver {
        let changes = changes(&facts.table, &live)?;
        return Ok(Some(Live::new(stage, changes, remedy(stage, &checked.spec.name))));
    }
    let retired = Relations::of(name).retired;
    let after = AfterCutover {
        plan: match &checked.rendered {
            Ok(rendered) => &rendered.plan,
            Err(_) => return Ok(None),
        },
        spec: &checked.spec,
        position: &ran.position,
        recorded: &facts.table,
    };
    let changes = after.changes(&live, &load(snapshot, &retired)?)?;
    let remedy = format!(
        "a rollback would refuse this or lose it: make the same change to {}, or undo it; once that table is dropped \
         nothing is compared any more",
        retired.plain()
    );
    Ok(Some(Live::new(stage, changes, remedy)))
}

/// A relation as it is now; a transaction that is prepared comes and goes.
fn load(snapshot: &mut Transaction<'_>, name: &QualifiedName) -> Result<Table, Failure> {
    let mut table = catalog::load_table(snapshot, name)?;
    table
        .dependents
        .retain(|dependent| dependent.kind != DependentKind::PreparedTransaction);
    Ok(table)
}

/// Of files that can't be rendered again, too.
fn facts(checked: &Checked) -> Option<Facts> {
    match &checked.rendered {
        Ok(rendered) => Some(rendered.facts.clone()),
        Err(_) => existing::read_facts(&checked.folder).ok(),
    }
}
