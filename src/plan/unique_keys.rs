//! How unique keys are carried, and what the user decided about those that lack the partition key.

use super::problem::Problem;
use crate::model::{Key, Table};
use crate::spec::{IncomingChoice, TableSpec, UniqueChoice};

const WHILE_RETIRED: &str = "holds as long as the retired table is kept, and not after it is dropped";

/// How a unique key stands on the partitioned table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    /// As it is: it holds the partition key.
    Whole,
    /// With the partition key added.
    Extended,
    /// As an index that is no longer unique.
    Plain,
}

/// Whether a unique key can't stay as it is.
pub(super) fn lacks_partition_key(key: &Key, spec: &TableSpec) -> bool {
    !lacking(key, spec).is_empty()
}

/// Columns of the partition key that the key doesn't hold.
pub(super) fn lacking<'a>(key: &Key, spec: &'a TableSpec) -> Vec<&'a str> {
    let columns = spec.partition_columns().into_iter();
    columns
        .filter(|column| !key.columns.iter().any(|c| c.name.as_str() == *column))
        .collect()
}

/// `None` where the user has yet to decide.
pub(super) fn carried_as(key: &Key, table: &Table, spec: &TableSpec) -> Option<Carried> {
    if !lacks_partition_key(key, spec) {
        return Some(Carried::Whole);
    }
    match choice(key, spec) {
        // Without it nothing identifies a row of the partitioned table.
        _ if is_primary(key, table) => Some(Carried::Extended),
        Some(UniqueChoice::Extend) => Some(Carried::Extended),
        Some(UniqueChoice::Drop | UniqueChoice::Guard) => Some(Carried::Plain),
        None if is_guarded(key, table, spec) => Some(Carried::Plain),
        None => None,
    }
}

/// Names of the keys about which the user has yet to decide.
pub fn undecided_unique_keys(table: &Table, spec: &TableSpec) -> Vec<String> {
    let undecided = all_keys(table).filter(|key| carried_as(key, table, spec).is_none());
    undecided.map(|key| key.name.as_str().to_owned()).collect()
}

/// Whether a narrow table keeps the key's values unique over all partitions: by the key's own choice, or because a
/// foreign key is to refer to it.
pub(super) fn is_guarded(key: &Key, table: &Table, spec: &TableSpec) -> bool {
    lacks_partition_key(key, spec)
        && (choice(key, spec) == Some(UniqueChoice::Guard)
            || table.foreign_keys_in.iter().any(|foreign| {
                foreign.referenced_key == key.name
                    && super::incoming::choice(foreign, table, spec) == Some(IncomingChoice::Guard)
            }))
}

/// The primary key and every other unique key.
pub(super) fn all_keys(table: &Table) -> impl Iterator<Item = &Key> {
    table.primary_key.iter().chain(&table.unique_keys)
}

fn choice(key: &Key, spec: &TableSpec) -> Option<UniqueChoice> {
    spec.unique.get(key.name.as_str()).copied()
}

fn is_primary(key: &Key, table: &Table) -> bool {
    table
        .primary_key
        .as_ref()
        .is_some_and(|primary| primary.name == key.name)
}

/// What a key is called in messages.
fn kind(key: &Key, table: &Table) -> &'static str {
    match key.constraint {
        _ if is_primary(key, table) => "primary key",
        true => "unique constraint",
        false => "unique index",
    }
}

pub(super) fn about_unique_keys(table: &Table, spec: &TableSpec, problems: &mut Vec<Problem>) {
    for key in all_keys(table) {
        if lacks_partition_key(key, spec) {
            about_key(key, table, spec, problems);
        }
        if is_guarded(key, table, spec) {
            about_guard(key, table, problems);
        }
    }
    for name in spec.unique.keys() {
        if !all_keys(table).any(|key| key.name.as_str() == name && lacks_partition_key(key, spec)) {
            problems.push(Problem::blocker(
                format!(
                    "--unique {name}: {} has no such unique key that lacks the partition key",
                    table.name.plain()
                ),
                "see which keys need a choice: pgcleave inspect",
            ));
        }
    }
}

fn about_key(key: &Key, table: &Table, spec: &TableSpec, problems: &mut Vec<Problem>) {
    let (name, kind) = (key.name.as_str(), kind(key, table));
    let partition_key = lacking(key, spec).join(", ");
    let values = terms(key);
    if is_primary(key, table) {
        if choice(key, spec) == Some(UniqueChoice::Drop) {
            problems.push(Problem::blocker(
                format!("--unique {name}=drop: nothing else identifies a row"),
                "a primary key can be extended or guarded",
            ));
        }
        let unique = match is_guarded(key, table, spec) {
            true => format!("the guard keeps {values} alone unique"),
            false => format!(
                "uniqueness of {values} alone {WHILE_RETIRED}, unless it is guarded (--unique {name}=guard)"
            ),
        };
        problems.push(Problem::warning(
            format!(
                "the primary key becomes ({}, {partition_key}): it must hold the partition key",
                values.trim_matches(['(', ')'])
            ),
            format!("{unique}; {}", conflict_targets(&values, &partition_key)),
        ));
        return;
    }
    match choice(key, spec) {
        None if is_guarded(key, table, spec) => {}
        None => problems.push(Problem::blocker(
            format!("the {kind} {name} lacks the partition key, which every unique key of a partitioned table must hold"),
            format!(
                "decide: --unique {name}=guard (a narrow table keeps {values} unique over all partitions; each write of a key is a write there too), \
                 --unique {name}=extend (({partition_key}) is added: the same {values} may then stand once per value of it), \
                 --unique {name}=drop (nothing is unique, the index stays as a plain one)"
            ),
        )),
        Some(UniqueChoice::Extend) => problems.push(Problem::warning(
            format!("the {kind} {name} gets the partition key ({partition_key}), as decided"),
            format!(
                "{}; {}",
                match is_guarded(key, table, spec) {
                    true => format!("the guard keeps {values} alone unique"),
                    false => format!("uniqueness of {values} alone {WHILE_RETIRED}"),
                },
                conflict_targets(&values, &partition_key)
            ),
        )),
        Some(UniqueChoice::Drop) => problems.push(Problem::warning(
            format!("the {kind} {name} becomes a plain index, as decided"),
            format!(
                "uniqueness of {values} {WHILE_RETIRED}; {}",
                no_conflict_target(&values)
            ),
        )),
        Some(UniqueChoice::Guard) => {}
    }
    if is_guarded(key, table, spec) && carried_as(key, table, spec) == Some(Carried::Plain) {
        problems.push(Problem::warning(
            format!("the {kind} {name} becomes a plain index, and a guard keeps {values} unique, as decided"),
            no_conflict_target(&values),
        ));
    }
}

fn conflict_targets(values: &str, partition_key: &str) -> String {
    format!(
        "INSERT … ON CONFLICT {values} finds no matching constraint: name ({partition_key}) in it too, \
         and ON CONFLICT DO NOTHING without a target doesn't meet the same values in another partition"
    )
}

fn no_conflict_target(values: &str) -> String {
    format!(
        "INSERT … ON CONFLICT {values} finds no matching constraint and fails (42P10), \
         and ON CONFLICT DO NOTHING without a target fails on the same values (23505) instead of doing nothing: look for them in the application"
    )
}

fn about_guard(key: &Key, table: &Table, problems: &mut Vec<Problem>) {
    let (name, kind) = (key.name.as_str(), kind(key, table));
    if key.deferrable {
        problems.push(Problem::blocker(
            format!("the {kind} {name} is deferrable, and a guard checks at once"),
            format!("--unique {name}=extend or drop, or make it not deferrable first"),
        ));
    }
    if key.nulls_not_distinct {
        problems.push(Problem::blocker(
            format!("the {kind} {name} is NULLS NOT DISTINCT, which a guard doesn't keep: it has no row for NULL"),
            format!("--unique {name}=extend or drop, or make its columns NOT NULL and the key an ordinary one first"),
        ));
    }
}

/// `(a, lower(b))`
pub(super) fn terms(key: &Key) -> String {
    let terms: Vec<&str> = key
        .terms
        .iter()
        .map(|t| t.column.as_ref().map_or(t.expression.as_str(), |c| c.as_str()))
        .collect();
    format!("({})", terms.join(", "))
}
