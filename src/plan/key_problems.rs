//! What stands in the way of the partition key.

use super::bounds::{BoundsError, KeyType};
use super::facts::Facts;
use super::partitioning::{PartitioningError, has_default, key_columns, partitioning};
use super::problem::Problem;
use crate::model::{Column, KeyRange, ReplicaIdentity, Table};
use crate::spec::{Level, NullKeys, Strategy, TableSpec};

pub(super) fn about_the_key(facts: &Facts, spec: &TableSpec, problems: &mut Vec<Problem>) {
    let (table, before) = (&facts.table, problems.len());
    for (level, key_range) in spec.levels().iter().zip([&facts.key_range, &facts.sub_key_range]) {
        if let Some(expression) = level.key.expression().filter(|e| !is_column(table, e)) {
            problems.push(an_expression(expression));
            continue;
        }
        if let Some(missing) = level.key.columns().iter().find(|c| !is_column(table, c)) {
            problems.push(Problem::blocker(
                format!("{} has no column {missing:?}", table.name.plain()),
                "see the candidates: pgcleave inspect",
            ));
            continue;
        }
        for column in key_columns(level, facts).unwrap_or_default() {
            about_the_column(table, column, level, spec, problems);
        }
        about_the_values(level, key_range, spec, problems);
    }
    if problems.len() > before && problems[before..].iter().any(Problem::is_blocker) {
        return;
    }
    match partitioning(facts, spec) {
        Ok(planned) if planned.is_exceeded => problems.push(Problem::warning(
            format!(
                "the key reaches to {}, beyond the last partition",
                facts.key_range.last.as_deref().unwrap_or_default()
            ),
            "those rows go to the default partition; a greater --premake gives them partitions",
        )),
        Ok(_) => {}
        Err(error) => problems.push(Problem::blocker(error.to_string(), remedy(&error, spec))),
    }
}

fn is_column(table: &Table, name: &str) -> bool {
    table.columns.iter().any(|c| c.name.as_str() == name)
}

fn remedy(error: &PartitioningError, spec: &TableSpec) -> &'static str {
    match (error, spec.strategy) {
        (PartitioningError::Bounds(BoundsError::TooMany(_)), Strategy::Range) => {
            "choose a wider --interval, or give rows with stray values of the key a value in range; or say that you want so many: --allow many_partitions"
        }
        (PartitioningError::Bounds(BoundsError::TooMany(_)), _) => {
            "group the values ([table.lists] in the spec), choose --strategy hash, or say that you want so many: --allow many_partitions"
        }
        (PartitioningError::Bounds(_), _) => {
            "choose a wider --interval, or give rows with stray values of the key a value in range"
        }
        (PartitioningError::SameName(_), _) => "give the list another name in the spec",
        (PartitioningError::Key, _) => "choose another key or strategy",
    }
}

/// <https://www.postgresql.org/docs/current/ddl-partitioning.html>, limitations of declarative partitioning.
fn an_expression(expression: &str) -> Problem {
    Problem::blocker(
        format!(
            "the key {expression:?} is an expression: PostgreSQL has neither a primary key nor a unique constraint on a table partitioned by an expression"
        ),
        "name the column itself: RANGE on it gives the same partitions as an expression that cuts it off, \
         such as --key at --interval monthly for date_trunc('month', at); for another expression add a column that holds it, kept by a trigger",
    )
}

fn about_the_column(
    table: &Table,
    key: &Column,
    level: &Level,
    spec: &TableSpec,
    problems: &mut Vec<Problem>,
) {
    let name = key.name.as_str();
    problems.extend(about_the_type(key, level));
    if key.generated.is_some() {
        problems.push(Problem::blocker(
            format!("the key {name:?} is a generated column"),
            "PostgreSQL has no partition key on generated columns: choose another column",
        ));
    }
    if !key.not_null {
        problems.push(match spec.null_keys {
            NullKeys::Refuse => null_refused(table, key),
            NullKeys::Default => null_allowed(table, key),
        });
    }
}

fn null_refused(table: &Table, key: &Column) -> Problem {
    Problem::blocker(
        format!(
            "the key {:?} may be NULL, which a primary key can't hold",
            key.name.as_str()
        ),
        format!(
            "make it NOT NULL without a long lock: ALTER TABLE {0} ADD CONSTRAINT pgcleave_key CHECK ({1} IS NOT NULL) NOT VALID; \
             ALTER TABLE {0} VALIDATE CONSTRAINT pgcleave_key; ALTER TABLE {0} ALTER COLUMN {1} SET NOT NULL; \
             ALTER TABLE {0} DROP CONSTRAINT pgcleave_key; or let such rows go to the default partition, without a primary key: --null-keys default",
            table.name, key.name
        ),
    )
}

/// What is lost by it, said plainly.
fn null_allowed(table: &Table, key: &Column) -> Problem {
    let name = key.name.as_str();
    if table.server_version < 150_000 {
        return Problem::blocker(
            format!(
                "the key {name:?} may be NULL, and a unique constraint that holds NULL as a value exists from PostgreSQL 15 on"
            ),
            "leave --null-keys default out and make the key NOT NULL first, or upgrade the server",
        );
    }
    if table.replica_identity == ReplicaIdentity::Default && !table.publications.is_empty() {
        return Problem::blocker(
            format!(
                "the key {name:?} may be NULL, so that the table loses its primary key, by which its publication tells rows"
            ),
            format!(
                "ALTER TABLE {} REPLICA IDENTITY FULL first, or make the key NOT NULL",
                table.name
            ),
        );
    }
    Problem::warning(
        format!(
            "the key {name:?} may be NULL, as decided: the primary key becomes a UNIQUE NULLS NOT DISTINCT constraint of the same name"
        ),
        "the table has no primary key any more: tools that look for one find none, there is no replica identity by default \
         (once the table is published, UPDATE and DELETE fail until ALTER TABLE … REPLICA IDENTITY FULL), and a query can't GROUP BY the key alone",
    )
}

/// The operator class that the strategy needs, and intervals that mean something.
fn about_the_type(key: &Column, level: &Level) -> Option<Problem> {
    let (name, strategy) = (key.name.as_str(), level.strategy.name());
    let cause = format!("the key {name:?} is of type {}", key.type_sql);
    if level.strategy == Strategy::Hash {
        let fits = key.hash && key.equal.is_some();
        return (!fits)
            .then(|| Problem::blocker(cause, "HASH needs a type with a hash and a btree operator class"));
    }
    if key.equal.is_none() {
        let remedy = format!(
            "{} needs a type with a btree operator class",
            strategy.to_uppercase()
        );
        return Some(Problem::blocker(cause, remedy));
    }
    // Only the first column of a RANGE key is stepped on.
    let interval = level.interval.filter(|_| level.key.first() == name)?;
    match KeyType::from_type_name(&key.base_type) {
        None => Some(Problem::blocker(
            cause,
            "intervals are possible on date, timestamp, timestamptz, whole numbers and uuids of version 7; \
             for others: --strategy list, --strategy hash, or bounds in the spec",
        )),
        Some(key_type) if !key_type.takes(interval) => Some(Problem::blocker(
            format!("{cause}, for which the interval {interval} means nothing"),
            format!("--interval may be {}", key_type.intervals()),
        )),
        Some(_) => None,
    }
}

fn about_the_values(level: &Level, key_range: &KeyRange, spec: &TableSpec, problems: &mut Vec<Problem>) {
    let key = level.key.to_string();
    if key_range.has_null && spec.null_keys == NullKeys::Refuse {
        problems.push(Problem::blocker(
            format!("the key {key:?} holds NULL"),
            "give those rows a value first",
        ));
    }
    if key_range.has_null && spec.null_keys == NullKeys::Default {
        problems.push(Problem::note(
            format!("the key {key:?} holds NULL"),
            match has_default(level, spec) {
                true => "those rows go to the default partition, as decided",
                false => "HASH gives NULL a partition like another value",
            },
        ));
    }
    if key_range.has_infinity && has_default(level, spec) {
        problems.push(Problem::note(
            format!("the key {key:?} holds infinity, -infinity or NaN"),
            "those rows go to the default partition",
        ));
    }
    if key_range.is_mostly_stray {
        problems.push(Problem::blocker(
            format!(
                "of the uuids of the key {key:?} {} aren't of version 7, more than are: they don't begin with a time",
                key_range.strays
            ),
            "choose another key, or --strategy hash",
        ));
    } else if key_range.strays > 0 {
        problems.push(Problem::warning(
            format!(
                "of the uuids of the key {key:?} {} aren't of version 7",
                key_range.strays
            ),
            "they go wherever their first 48 bits belong as a time: most to the default partition",
        ));
    }
    if level.strategy == Strategy::List && level.lists.is_empty() && key_range.values.is_empty() {
        problems.push(Problem::blocker(
            format!("the key {key:?} holds no values to make partitions of"),
            "name them in the spec: [table.lists]",
        ));
    }
    if level.strategy == Strategy::List {
        problems.push(Problem::note(
            format!("other values of the key {key:?} than those listed go to the default partition"),
            "attach a partition for a value before its first row comes",
        ));
    }
}
