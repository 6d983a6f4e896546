//! How a table is to be partitioned, as the user says it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Interval;

/// At most so many partitions by hash.
pub const MAX_PARTITIONS: u32 = 4096;

/// The columns of a partition key, as the catalog has them, unquoted; one or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "OneOrMany", into = "OneOrMany")]
pub struct PartitionKey(Vec<String>);

impl PartitionKey {
    /// A key of one column.
    pub fn of(column: impl Into<String>) -> Self {
        Self(vec![column.into()])
    }

    /// Its columns, in their order; expressions as they are written.
    pub fn columns(&self) -> &[String] {
        &self.0
    }

    /// The column that RANGE steps on, and the only one of most keys.
    pub fn first(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// Whether the column is one of them.
    pub fn holds(&self, column: &str) -> bool {
        self.0.iter().any(|c| c == column)
    }

    /// What is no column but an expression, such as `date_trunc('month', at)`.
    pub fn expression(&self) -> Option<&str> {
        self.0.iter().map(String::as_str).find(|c| c.contains('('))
    }
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.join(", "))
    }
}

impl FromStr for PartitionKey {
    type Err = std::convert::Infallible;

    /// Reads what is typed: `a` or `a,b`; a comma inside parentheses or quotes parts nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut depth, mut quote) = (0_i32, None);
        let parts = text.split(|c: char| {
            match (quote, c) {
                (Some(open), c) if open == c => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quote = Some(c),
                (None, '(') => depth += 1,
                (None, ')') => depth -= 1,
                (None, ',') => return depth <= 0,
                (None, _) => {}
            }
            false
        });
        let parts: Vec<String> = parts.map(|part| part.trim().to_owned()).collect();
        Ok(Self(parts.into_iter().filter(|part| !part.is_empty()).collect()))
    }
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    /// The column.
    One(String),
    /// The columns, in their order.
    Many(#[schemars(length(min = 1))] Vec<String>),
}

impl From<OneOrMany> for PartitionKey {
    fn from(columns: OneOrMany) -> Self {
        match columns {
            OneOrMany::One(column) => Self(vec![column]),
            OneOrMany::Many(columns) => Self(columns),
        }
    }
}

impl From<PartitionKey> for OneOrMany {
    fn from(key: PartitionKey) -> Self {
        match <[String; 1]>::try_from(key.0) {
            Ok([column]) => Self::One(column),
            Err(columns) => Self::Many(columns),
        }
    }
}

/// Partitioning strategy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// A partition holds an interval of the key, or what is between two bounds.
    #[default]
    Range,
    /// A partition holds a list of values.
    List,
    /// A partition holds what has the same remainder of its hash.
    Hash,
}

impl Strategy {
    /// As the spec and the manual write it, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::List => "list",
            Self::Hash => "hash",
        }
    }
}

/// Where rows go whose key is NULL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum NullKeys {
    /// A key that may be NULL is refused.
    #[default]
    Refuse,
    /// To the default partition; the primary key becomes a UNIQUE NULLS NOT DISTINCT constraint.
    Default,
}

/// What is refused unless it is allowed by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Allowance {
    /// More than 5,000 partitions.
    ManyPartitions,
}

impl Allowance {
    /// As the spec and `--allow` write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ManyPartitions => "many_partitions",
        }
    }
}

/// A value of the key in the spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SpecValue {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other value, as the server reads it.
    Text(String),
}

impl SpecValue {
    /// As the server reads it, unquoted.
    pub fn text(&self) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Text(value) => value.clone(),
        }
    }

    fn toml(&self) -> toml_edit::Value {
        match self {
            Self::Boolean(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Text(value) => value.into(),
        }
    }
}

/// Lists of values, by what the partition's name ends in.
pub type Lists = BTreeMap<String, Vec<SpecValue>>;

/// `[table.sub]`: how each partition is partitioned again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubSpec {
    /// The partition key: a column's name as the catalog has it, unquoted, or several.
    pub key: PartitionKey,
    /// Partitioning strategy.
    #[serde(default)]
    pub strategy: Strategy,
    /// RANGE: the width of a partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// RANGE: bounds between partitions, in place of an interval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounds: Vec<SpecValue>,
    /// HASH: how many partitions; 1 to 4096.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_PARTITIONS))]
    pub partitions: Option<u32>,
    /// LIST: which values share a partition; none is a partition for each value that the table holds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: Lists,
}

impl SubSpec {
    /// As a level of partitioning.
    pub fn level(&self) -> Level<'_> {
        Level {
            key: &self.key,
            strategy: self.strategy,
            interval: self.interval,
            bounds: &self.bounds,
            partitions: self.partitions,
            lists: &self.lists,
        }
    }
}

/// One level of partitioning: the table's, or its partitions'.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level<'a> {
    /// The partition key.
    pub key: &'a PartitionKey,
    /// Partitioning strategy.
    pub strategy: Strategy,
    /// RANGE: the width of a partition.
    pub interval: Option<Interval>,
    /// RANGE: bounds between partitions, in place of an interval.
    pub bounds: &'a [SpecValue],
    /// HASH: how many.
    pub partitions: Option<u32>,
    /// LIST: which values share a partition; empty is a partition for each value that the table holds.
    pub lists: &'a Lists,
}

impl Level<'_> {
    /// What doesn't fit together, behind the key that doesn't; `None` where all does.
    pub fn contradiction(&self) -> Option<(&'static str, String)> {
        let (columns, strategy) = (self.key.columns().len(), self.strategy.name());
        let says = |key, what: &str| Some((key, format!("{what} with strategy = {strategy:?}")));
        let given = |key: &&'static str| match *key {
            "interval" => self.interval.is_some(),
            "bounds" => !self.bounds.is_empty(),
            "partitions" => self.partitions.is_some(),
            _ => !self.lists.is_empty(),
        };
        let stray = match self.strategy {
            Strategy::Range => ["partitions", "lists"].iter().copied().find(given),
            Strategy::List => ["interval", "bounds", "partitions"].iter().copied().find(given),
            Strategy::Hash => ["interval", "bounds", "lists"].iter().copied().find(given),
        };
        if columns == 0 {
            return Some(("key", "the key names no column".to_owned()));
        }
        if let Some(key) = stray {
            return says(key, &format!("{key} can't be given"));
        }
        match self.strategy {
            Strategy::Range if self.interval.is_none() == self.bounds.is_empty() => {
                says("bounds", "either interval or bounds must be given")
            }
            Strategy::List if columns > 1 => says("key", "a key of several columns doesn't go"),
            Strategy::List if self.lists.values().any(Vec::is_empty) => {
                says("lists", "an empty list doesn't go")
            }
            Strategy::Hash if !self.partitions.is_some_and(|n| (1..=MAX_PARTITIONS).contains(&n)) => {
                let what = format!("partitions must be given, 1 to {MAX_PARTITIONS},");
                says("partitions", &what)
            }
            Strategy::Range | Strategy::List | Strategy::Hash => None,
        }
    }

    /// Sets the level's fields in an entry of the spec, and removes those that it hasn't.
    pub(super) fn fill(&self, entry: &mut toml_edit::Table) {
        let columns = self.key.columns();
        entry["key"] = match columns {
            [column] => toml_edit::value(column),
            _ => toml_edit::value(columns.iter().collect::<toml_edit::Array>()),
        };
        entry["strategy"] = toml_edit::value(self.strategy.name());
        set_or_remove(
            entry,
            "interval",
            self.interval.map(|interval| match interval {
                Interval::Every(step) => {
                    i64::try_from(step.get()).map_or_else(|_| step.to_string().into(), Into::into)
                }
                calendar => calendar.to_string().into(),
            }),
        );
        set_or_remove(entry, "partitions", self.partitions.map(|n| i64::from(n).into()));
        let bounds: toml_edit::Array = self.bounds.iter().map(SpecValue::toml).collect();
        set_or_remove(entry, "bounds", (!bounds.is_empty()).then(|| bounds.into()));
        if self.lists.is_empty() {
            entry.remove("lists");
            return;
        }
        let mut lists = toml_edit::Table::new();
        for (name, values) in self.lists {
            lists[name] = toml_edit::value(values.iter().map(SpecValue::toml).collect::<toml_edit::Array>());
        }
        entry["lists"] = toml_edit::Item::Table(lists);
    }
}

fn set_or_remove(entry: &mut toml_edit::Table, name: &str, value: Option<toml_edit::Value>) {
    match value {
        Some(value) => entry[name] = toml_edit::value(value),
        None => {
            entry.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> Vec<String> {
        text.parse::<PartitionKey>().unwrap().0
    }

    #[test]
    fn parts_a_key_at_commas_outside_parentheses_and_quotes() {
        assert_eq!(columns("a, b"), ["a", "b"]);
        assert_eq!(columns("date_trunc('month', at)"), ["date_trunc('month', at)"]);
        assert_eq!(columns("we\"ird"), ["we\"ird"]);
    }
}
