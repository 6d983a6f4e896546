//! Why a spec isn't valid, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use super::expected::{Expected, similar};
use super::key_path::{KeyOrPosition, Source};

/// The longest value that a message repeats in full, in characters.
const LONGEST_VALUE: usize = 60;

/// The first thing in a spec that isn't valid.
///
/// Its text begins with the place, as compilers write it: `pgcleave.toml:5: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError {
    /// `None` where the spec came from no file.
    pub file: Option<PathBuf>,
    /// From 1; `None` where the spec came from no text.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: Box<SpecProblem>,
}

/// What is wrong with a spec. A table is told as `[[table]] public.events`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecProblem {
    /// It isn't TOML.
    #[error("{0}")]
    Syntax(String),
    /// A key that pgcleave doesn't know.
    #[error("unknown key {key:?} in {table}{}", did_you_mean(similar))]
    UnknownKey {
        /// As it is written.
        key: String,
        /// Where it stands.
        table: String,
        /// The key that was probably meant.
        similar: Option<String>,
    },
    /// A key that must be there isn't.
    #[error("{table} lacks the key {key:?}")]
    MissingKey {
        /// The key.
        key: String,
        /// Where it ought to stand.
        table: String,
    },
    /// A value of another type, out of its range, or none of the choices.
    #[error("{key}{} in {table}: expected {expected}{}", is(value), did_you_mean(similar))]
    Value {
        /// Whose value it is.
        key: String,
        /// As it is written; `None` for a table.
        value: Option<String>,
        /// Where it stands.
        table: String,
        /// What is possible.
        expected: String,
        /// The choice that was probably meant.
        similar: Option<String>,
    },
    /// What is said of one level of partitioning doesn't fit together.
    #[error("{table} can't be partitioned so: {contradiction}")]
    Contradiction {
        /// The table.
        table: String,
        /// In a sentence.
        contradiction: String,
    },
    /// Two entries are of one table.
    #[error("{table} stands twice; first in line {first}")]
    Twice {
        /// The table.
        table: String,
        /// Line of its first entry, from 1.
        first: usize,
    },
}

impl SpecError {
    /// For a spec that came from that file.
    pub fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    pub(super) fn in_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// What serde or toml says, in our words.
    pub(super) fn of_text(text: &str, error: &toml::de::Error) -> Self {
        let source = Source::of(text);
        let syntax = || SpecProblem::Syntax(error.message().to_owned());
        let Some(span) = error.span() else {
            return syntax().into();
        };
        let written = text.get(span.clone()).unwrap_or_default();
        let problem = explain(&source, &source.places_at(span.start), written);
        Self::from(problem.unwrap_or_else(syntax)).in_line(source.line(span.start))
    }

    pub(super) fn of_edit(text: &str, error: &toml_edit::TomlError) -> Self {
        let start = error.span().unwrap_or_default().start;
        Self::from(SpecProblem::Syntax(error.message().to_owned())).in_line(Source::of(text).line(start))
    }
}

impl From<SpecProblem> for SpecError {
    fn from(problem: SpecProblem) -> Self {
        Self {
            file: None,
            line: None,
            problem: Box::new(problem),
        }
    }
}

impl std::error::Error for SpecError {}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{}:{line}: ", file.display())?,
            (Some(file), None) => write!(f, "{}: ", file.display())?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        self.problem.fmt(f)
    }
}

/// What is wrong at a place; `None` where our schema doesn't see it.
fn explain(source: &Source<'_>, places: &[KeyOrPosition], written: &str) -> Option<SpecProblem> {
    let to_key = places
        .iter()
        .rposition(|place| matches!(place, KeyOrPosition::Key(_)))?;
    let KeyOrPosition::Key(key) = &places[to_key] else {
        return None;
    };
    let outer = &places[..to_key];
    let Some(here) = Expected::at(places) else {
        let known = Expected::at(outer)?;
        return Some(SpecProblem::UnknownKey {
            key: key.clone(),
            table: table_at(source, outer),
            similar: similar(key, &known.keys()).map(ToOwned::to_owned),
        });
    };
    let is_there =
        |required: &&str| source.has(&[places, &[KeyOrPosition::Key((*required).to_owned())]].concat());
    if let Some(missing) = here.required().into_iter().find(|required| !is_there(required)) {
        return Some(SpecProblem::MissingKey {
            key: missing.to_owned(),
            table: table_at(source, places),
        });
    }
    let typed = written.trim_matches(['"', '\'']);
    Some(SpecProblem::Value {
        key: key.clone(),
        value: (!is_header(written)).then(|| shortened(written)),
        table: table_at(source, outer),
        expected: if places == [KeyOrPosition::Key("table".to_owned())] {
            "[[table]], once for each table".to_owned()
        } else {
            here.words()
        },
        similar: similar(typed, &here.choices()).map(ToOwned::to_owned),
    })
}

/// The table that a place is in, as a reader would look for it.
fn table_at(source: &Source<'_>, places: &[KeyOrPosition]) -> String {
    let [
        KeyOrPosition::Key(_),
        KeyOrPosition::Position(position),
        inner @ ..,
    ] = places
    else {
        return "the file".to_owned();
    };
    let name = [&places[..2], &[KeyOrPosition::Key("name".to_owned())]].concat();
    let name = match source.text_at(&name) {
        Some(name) => name.to_owned(),
        None => format!("number {}", position + 1),
    };
    let keys = inner.iter().filter_map(|place| match place {
        KeyOrPosition::Key(key) => Some(format!(".{key}")),
        KeyOrPosition::Position(_) => None,
    });
    match keys.collect::<String>().as_str() {
        "" => entry(&name),
        ".sub" => sub_entry(&name),
        keys => format!("[table{keys}] of {name}"),
    }
}

/// A table's entry, as a reader would look for it.
pub(super) fn entry(name: &str) -> String {
    format!("[[table]] {name}")
}

/// The entry for what its partitions are partitioned by.
pub(super) fn sub_entry(name: &str) -> String {
    format!("[table.sub] of {name}")
}

/// Whether it is a table's header rather than a value.
fn is_header(written: &str) -> bool {
    let inner = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|name| name.trim_matches(['[', ']']).starts_with("table"))
}

fn shortened(written: &str) -> String {
    let one_line = written.split_whitespace().collect::<Vec<_>>().join(" ");
    if one_line.chars().count() <= LONGEST_VALUE {
        return one_line;
    }
    one_line.chars().take(LONGEST_VALUE).chain(['…']).collect()
}

fn is(value: &Option<String>) -> String {
    value
        .as_ref()
        .map_or_else(String::new, |value| format!(" = {value}"))
}

fn did_you_mean(similar: &Option<String>) -> String {
    let question = |similar: &String| format!("; did you mean {similar:?}?");
    similar.as_ref().map_or_else(String::new, question)
}

#[cfg(test)]
mod tests;
