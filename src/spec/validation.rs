//! What the types of the spec don't say: ranges, what fits together, and that a table has one entry.

use super::expected::{Expected, similar};
use super::key_path::{KeyOrPosition, Source};
use super::problem::{SpecError, SpecProblem, entry, sub_entry};
use super::{Level, MAX_PREMAKE, Spec, SubSpec, TableSpec};
use crate::plan::Step;
use crate::sql::QualifiedName;

/// A problem, and the keys from an entry to what it is about.
type Found = (Vec<&'static str>, SpecProblem);

/// Checks all entries of a spec that was read from the text.
pub(super) fn check(spec: &Spec, text: &str) -> Result<(), SpecError> {
    let mut earlier: Vec<QualifiedName> = Vec::new();
    for (position, table) in spec.tables.iter().enumerate() {
        let line = |position: usize, keys: &[&str]| {
            let entry = [
                KeyOrPosition::Key("table".to_owned()),
                KeyOrPosition::Position(position),
            ];
            let keys = keys.iter().map(|key| KeyOrPosition::Key((*key).to_owned()));
            Source::of(text).line_of(&entry.into_iter().chain(keys).collect::<Vec<_>>())
        };
        let name = table
            .table()
            .map_err(|error| error.in_line(line(position, &["name"])))?;
        if let Some(first) = earlier.iter().position(|other| *other == name) {
            let problem = SpecProblem::Twice {
                table: entry(&table.name),
                first: line(first, &["name"]),
            };
            return Err(SpecError::from(problem).in_line(line(position, &["name"])));
        }
        if let Some((keys, problem)) = table.problem() {
            return Err(SpecError::from(problem).in_line(line(position, &keys)));
        }
        earlier.push(name);
    }
    Ok(())
}

impl TableSpec {
    /// The table's schema-qualified name, taken apart.
    ///
    /// # Errors
    /// When [`TableSpec::name`] isn't one.
    pub fn table(&self) -> Result<QualifiedName, SpecError> {
        match QualifiedName::parse(&self.name) {
            Ok((Some(schema), name)) => Ok(QualifiedName::new(schema, name)),
            Ok((None, _)) | Err(_) => Err(SpecProblem::Value {
                key: "name".to_owned(),
                value: Some(format!("{:?}", self.name)),
                table: "[[table]]".to_owned(),
                expected: "schema.table, quoted where SQL needs quotes".to_owned(),
                similar: None,
            }
            .into()),
        }
    }

    /// Checks the ranges of the numbers, and that what is said fits together.
    ///
    /// # Errors
    /// When something doesn't.
    pub fn validate(&self) -> Result<(), SpecError> {
        self.problem().map_or(Ok(()), |(_, problem)| Err(problem.into()))
    }

    fn problem(&self) -> Option<Found> {
        if self.premake > MAX_PREMAKE {
            return Some(self.not_expected("premake", &self.premake.to_string()));
        }
        if self.batch_size == 0 {
            return Some(self.not_expected("batch_size", &self.batch_size.to_string()));
        }
        if let Some(through) = &self.through
            && Step::from_stem(through).is_none()
        {
            return Some(self.not_expected("through", through));
        }
        contradiction(&self.level(), &[], entry(&self.name)).or_else(|| {
            let level = self.sub.as_ref().map(SubSpec::level)?;
            contradiction(&level, &["sub"], sub_entry(&self.name))
        })
    }

    /// The value isn't what the JSON Schema says of the key.
    fn not_expected(&self, key: &'static str, value: &str) -> Found {
        let places = [
            KeyOrPosition::Key("table".to_owned()),
            KeyOrPosition::Position(0),
            KeyOrPosition::Key(key.to_owned()),
        ];
        let expected = Expected::at(&places);
        let choices = expected.as_ref().map(Expected::choices).unwrap_or_default();
        let is_text = !choices.is_empty();
        let problem = SpecProblem::Value {
            key: key.to_owned(),
            value: Some(if is_text {
                format!("{value:?}")
            } else {
                value.to_owned()
            }),
            table: entry(&self.name),
            expected: expected.as_ref().map(Expected::words).unwrap_or_default(),
            similar: similar(value, &choices).map(ToOwned::to_owned),
        };
        (vec![key], problem)
    }
}

fn contradiction(level: &Level<'_>, outer: &[&'static str], table: String) -> Option<Found> {
    let (key, contradiction) = level.contradiction()?;
    let keys = outer.iter().copied().chain([key]).collect();
    Some((keys, SpecProblem::Contradiction { table, contradiction }))
}
