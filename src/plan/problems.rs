//! What stands in the way of a conversion, and what the user should know before.

use super::application::about_the_application;
use super::bounds::KeyType;
use super::checks::{about_checks, about_not_nulls};
use super::dependents::about_dependents;
use super::exclusions::{about_exclusions, primary_key_without_overlaps};
use super::facts::{Facts, partition_ranges};
use super::incoming::about_incoming;
use super::problem::Problem;
use super::unique_keys::about_unique_keys;
use crate::model::{Column, Persistence, RelationKind, ReplicaIdentity, Table};
use crate::spec::TableSpec;

/// Everything at once, blockers first.
pub fn find_problems(facts: &Facts, spec: &TableSpec) -> Vec<Problem> {
    let table = &facts.table;
    let mut problems = Vec::new();
    about_the_relation(table, &mut problems);
    if table.kind == RelationKind::Table {
        about_the_key(facts, spec, &mut problems);
        about_keys(table, &mut problems);
        about_unique_keys(table, spec, &mut problems);
        about_incoming(table, spec, &mut problems);
        about_constraints(table, spec, &mut problems);
        about_dependents(table, spec, &mut problems);
        about_the_application(facts, spec, &mut problems);
    }
    problems.sort_by_key(|p| p.severity);
    problems
}

fn about_the_relation(table: &Table, problems: &mut Vec<Problem>) {
    let name = table.name.plain();
    if table.server_version < 140_000 {
        problems.push(Problem::blocker(
            format!("the server is PostgreSQL {}", table.server_version / 10_000),
            "pgcleave needs PostgreSQL 14 or newer: batches are read by TID range scans",
        ));
    }
    match table.kind {
        RelationKind::Table => {}
        RelationKind::PartitionedTable => problems.push(Problem::blocker(
            format!("{name} is already a partitioned table"),
            "see how far a conversion got: pgcleave status; there is nothing to convert otherwise",
        )),
        kind => problems.push(Problem::blocker(
            format!("{name} is a {}, not a table", kind.label()),
            "name the table that holds the rows",
        )),
    }
    match table.persistence {
        Persistence::Permanent => {}
        Persistence::Unlogged => problems.push(Problem::blocker(
            format!("{name} is unlogged, which a partitioned table can't be on every version"),
            format!("make it logged first: ALTER TABLE {} SET LOGGED", table.name),
        )),
        Persistence::Temporary => {
            problems.push(Problem::blocker(
                format!("{name} is temporary"),
                "only permanent tables can be converted",
            ));
        }
    }
    if matches!(
        table.name.schema.as_str(),
        "pg_catalog" | "information_schema" | "pg_toast" | "pgcleave"
    ) {
        problems.push(Problem::blocker(
            format!("{name} belongs to the system"),
            "name a table of your own",
        ));
    }
    if let Some(method) = &table.access_method {
        problems.push(Problem::blocker(
            format!("{name} uses the table access method {}", method.as_str()),
            "only heap tables can be converted: their block ranges are what the batch copy reads",
        ));
    }
    if serde_json::to_string(table).is_ok_and(|text| text.contains("$pgcleave")) {
        problems.push(Problem::blocker(
            format!("a name or definition of {name} holds \"$pgcleave\", our own quotation mark"),
            "rename it first",
        ));
    }
}

fn about_the_key(facts: &Facts, spec: &TableSpec, problems: &mut Vec<Problem>) {
    let table = &facts.table;
    let Some(key) = table.columns.iter().find(|c| c.name.as_str() == spec.key) else {
        problems.push(Problem::blocker(
            format!("{} has no column {:?}", table.name.plain(), spec.key),
            "see the candidates: pgcleave inspect",
        ));
        return;
    };
    about_the_key_column(table, key, problems);
    if facts.key_range.has_null && !key.not_null {
        problems.push(Problem::blocker(
            format!("the key {:?} holds NULL", spec.key),
            "give those rows a value first",
        ));
    }
    if facts.key_range.has_infinity {
        problems.push(Problem::note(
            format!("the key {:?} holds infinity or -infinity", spec.key),
            "those rows go to the default partition",
        ));
    }
    match partition_ranges(facts, spec) {
        Err(error) => problems.push(Problem::blocker(
            error.to_string(),
            "choose a wider --interval, or give rows with stray values of the key a value in range",
        )),
        Ok(ranges) => {
            let days = facts.key_range.last.as_deref().and_then(super::bounds::parse_day);
            let end = ranges.last().map(|r| r.end);
            if days.zip(end).is_some_and(|(last, end)| last >= end) {
                problems.push(Problem::warning(
                    format!(
                        "the key reaches to {}, beyond the last partition",
                        facts.key_range.last.as_deref().unwrap_or_default()
                    ),
                    "those rows go to the default partition; a greater --premake gives them partitions",
                ));
            }
        }
    }
}

fn about_the_key_column(table: &Table, key: &Column, problems: &mut Vec<Problem>) {
    let name = key.name.as_str();
    if KeyType::from_type_name(&key.base_type).is_none() {
        problems.push(Problem::blocker(
            format!("the key {name:?} is of type {}", key.type_sql),
            "date, timestamp and timestamptz keys are possible",
        ));
    }
    if key.generated.is_some() {
        problems.push(Problem::blocker(
            format!("the key {name:?} is a generated column"),
            "PostgreSQL has no partition key on generated columns: choose another column",
        ));
    }
    if !key.not_null {
        problems.push(Problem::blocker(
            format!("the key {name:?} may be NULL, which a primary key can't hold"),
            format!(
                "make it NOT NULL without a long lock: ALTER TABLE {0} ADD CONSTRAINT pgcleave_key CHECK ({1} IS NOT NULL) NOT VALID; \
                 ALTER TABLE {0} VALIDATE CONSTRAINT pgcleave_key; ALTER TABLE {0} ALTER COLUMN {1} SET NOT NULL; \
                 ALTER TABLE {0} DROP CONSTRAINT pgcleave_key",
                table.name, key.name
            ),
        ));
    }
}

fn about_keys(table: &Table, problems: &mut Vec<Problem>) {
    match &table.primary_key {
        None if primary_key_without_overlaps(table) => {}
        None => problems.push(Problem::blocker(
            format!("{} has no primary key", table.name.plain()),
            format!("add one: ALTER TABLE {} ADD PRIMARY KEY …", table.name),
        )),
        Some(key) if key.deferrable => problems.push(Problem::blocker(
            format!(
                "the primary key {} is deferrable, which no ON CONFLICT can use",
                key.name.as_str()
            ),
            "make it not deferrable first",
        )),
        Some(_) => {}
    }
    for key in table.unique_keys.iter().filter(|key| !key.valid) {
        problems.push(Problem::blocker(
            format!("the unique index {} is not valid", key.name.as_str()),
            "drop or rebuild it first",
        ));
    }
    if let ReplicaIdentity::Index(index) = &table.replica_identity {
        problems.push(Problem::blocker(
            format!(
                "the replica identity is the index {}, which partitions don't inherit",
                index.as_str()
            ),
            format!(
                "set it to DEFAULT or FULL first: ALTER TABLE {} REPLICA IDENTITY DEFAULT",
                table.name
            ),
        ));
    }
}

fn about_constraints(table: &Table, spec: &TableSpec, problems: &mut Vec<Problem>) {
    about_exclusions(table, &spec.key, problems);
    about_checks(table, problems);
    about_not_nulls(table, problems);
    for key in &table.foreign_keys_out {
        let name = key.name.as_str();
        if key.enforced && !key.validated && table.server_version < 180_000 {
            problems.push(Problem::blocker(
                format!("the foreign key {name} is NOT VALID, which a partitioned table can't have before PostgreSQL 18"),
                format!("validate it first: ALTER TABLE {} VALIDATE CONSTRAINT {}", table.name, key.name),
            ));
        }
    }
    for trigger in table
        .triggers
        .iter()
        .filter(|t| t.row_level && t.transition_tables)
    {
        problems.push(Problem::blocker(
            format!(
                "the row trigger {} has transition tables, which partitions can't have",
                trigger.name.as_str()
            ),
            "rewrite it as a statement trigger first",
        ));
    }
    for index in &table.indexes {
        if !index.valid {
            problems.push(Problem::warning(
                format!(
                    "the index {} is not valid and is not carried",
                    index.name.as_str()
                ),
                "rebuild it first if it is wanted: REINDEX INDEX CONCURRENTLY",
            ));
        }
        if index.clustered {
            problems.push(Problem::note(
                format!("the table is marked as clustered on {}", index.name.as_str()),
                "a partitioned table can't bear that mark",
            ));
        }
    }
}
