//! What was found about a table; `--format json` prints it as it stands here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::file_report::{FileReport, State};
use super::live::Live;
use crate::cli::{Failure, made_by};
use crate::spec::TableSpec;
use crate::sql::QualifiedName;

/// What `check --format json` prints; `format` changes when its shape does.
#[derive(Serialize)]
struct Report<'a> {
    format: u32,
    /// Whether anything differs: exit code 3.
    different: bool,
    tables: &'a [TableReport],
}

/// What was found about a table.
#[derive(Debug, Serialize)]
pub struct TableReport {
    /// `schema.table`, without quotes.
    pub table: String,
    pub folder: String,
    /// How many files were compared; 0 where they couldn't be rendered again.
    pub files: usize,
    pub differences: Vec<FileReport>,
    /// What else isn't as it should be.
    pub findings: Vec<Finding>,
    /// Good to know; no difference.
    pub notes: Vec<String>,
    /// With `--live`.
    pub live: Option<Live>,
    /// As the user would type it.
    #[serde(skip)]
    pub typed: String,
}

/// Something that isn't as it should be, though no file says so by its text.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The file that it is about.
    pub path: String,
    pub cause: String,
    pub remedy: String,
}

impl Finding {
    pub fn new(path: &Path, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            path: path.display().to_string(),
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }

    /// What kept the files from being rendered again.
    pub fn of(path: PathBuf, failure: Failure) -> Self {
        let cause = failure.cause.map(|cause| format!("{cause:#}"));
        Self::new(&path, cause.unwrap_or_default(), failure.hint.unwrap_or_default())
    }
}

/// The report as JSON.
pub fn json(reports: &[TableReport]) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&Report {
        format: 1,
        different: reports.iter().any(TableReport::is_different),
        tables: reports,
    })
}

impl TableReport {
    pub fn new(table: &QualifiedName, spec: &TableSpec, folder: &Path) -> Self {
        Self {
            table: table.plain(),
            folder: folder.display().to_string(),
            files: 0,
            differences: Vec::new(),
            findings: Vec::new(),
            notes: Vec::new(),
            live: None,
            typed: spec.name.clone(),
        }
    }

    pub fn is_different(&self) -> bool {
        let has_changed = self.live.as_ref().is_some_and(|live| !live.changes.is_empty());
        has_changed || !self.differences.is_empty() || !self.findings.is_empty()
    }

    /// `versions` has one for each file that another pgcleave wrote and nobody has edited.
    pub fn note_versions(&mut self, versions: &[String]) {
        let distinct = distinct(versions.iter().map(String::as_str));
        if !distinct.is_empty() {
            self.notes.push(format!(
                "{} as pgcleave {distinct} wrote them; this is {}",
                counted(versions.len(), "file"),
                made_by::THIS
            ));
        }
    }

    /// The table in a line, and what to do where something differs.
    pub fn summary(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.differences.is_empty() && self.files > 0 {
            lines.push(format!("{}: {}", self.table, self.as_written()));
        }
        if !self.differences.is_empty() {
            lines.push(format!("{}: {}", self.table, self.not_as_written()));
            lines.push(format!("  {}", self.remedy()));
        }
        lines.extend(self.notes.iter().map(|note| format!("  note: {note}")));
        lines
    }

    fn as_written(&self) -> String {
        let are = if self.files == 1 { "is as" } else { "are as" };
        let files = format!("{} {are} pgcleave writes them", counted(self.files, "file"));
        match self.live.as_ref().and_then(Live::nothing_changed) {
            Some(live) => format!("{files}; {live}"),
            None => files,
        }
    }

    fn not_as_written(&self) -> String {
        let count = |state| self.differences.iter().filter(|file| file.state == state).count();
        let states = [
            (State::Changed, "changed"),
            (State::Missing, "missing"),
            (State::Extra, "only on disk"),
        ];
        let counts: Vec<String> = states
            .into_iter()
            .map(|(state, word)| (count(state), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        format!(
            "{} not as pgcleave writes them ({})",
            counted(self.differences.len(), "file"),
            counts.join(", ")
        )
    }

    fn remedy(&self) -> String {
        let by_hand = |file: &FileReport| file.edited || file.state == State::Missing;
        let remedy = if self.differences.iter().any(by_hand) {
            "bring them back (version control), or write them again"
        } else {
            "the spec or catalog.json has changed since they were written: write them again"
        };
        let versions = distinct(self.differences.iter().filter_map(|f| f.made_by.as_deref()));
        let other = match versions.as_str() {
            "" => String::new(),
            _ => format!(
                " (some were made by pgcleave {versions}; this is {})",
                made_by::THIS
            ),
        };
        format!("{remedy}: pgcleave generate {}{other}", self.typed)
    }
}

/// Each once, sorted: `0.1.0 and 0.2.0`.
fn distinct<'a>(versions: impl Iterator<Item = &'a str>) -> String {
    let versions: BTreeSet<&str> = versions.collect();
    versions.into_iter().collect::<Vec<_>>().join(" and ")
}

/// `1 file`, `3 files`
pub fn counted(count: usize, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}
