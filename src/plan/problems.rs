//! What stands in the way of a conversion, and what the user should know before.

use super::application::about_the_application;
use super::checks::{about_checks, about_not_nulls};
use super::dependents::about_dependents;
use super::exclusions::{about_exclusions, primary_key_without_overlaps};
use super::facts::Facts;
use super::incoming::about_incoming;
use super::key_problems::about_the_key;
use super::problem::Problem;
use super::unique_keys::about_unique_keys;
use crate::model::{ForeignKeyOut, Persistence, RelationKind, Table};
use crate::spec::TableSpec;
use crate::sql::Ident;

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
        Persistence::Unlogged => about_an_unlogged_table(table, problems),
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

/// A crash empties both sides alike, as every unlogged table of the server, so that they stay equal.
fn about_an_unlogged_table(table: &Table, problems: &mut Vec<Problem>) {
    let name = table.name.plain();
    let remedy = match table.server_version < 180_000 {
        true => {
            "a crash empties them, as it empties the table now; a partition that is added later must be made UNLOGGED by name"
        }
        false => {
            "a crash empties them, as it empties the table now; the partitioned table itself can't be UNLOGGED from PostgreSQL 18 on, \
             and a partition that is added later must be made UNLOGGED by name"
        }
    };
    problems.push(Problem::note(
        format!("{name} is unlogged, and so are its partitions"),
        remedy,
    ));
    let unlogged = |k: &&ForeignKeyOut| k.referenced_persistence == Persistence::Unlogged;
    if table.server_version < 180_000 {
        return;
    }
    for key in table.foreign_keys_out.iter().filter(unlogged) {
        problems.push(Problem::blocker(
            format!(
                "the foreign key {} refers to an unlogged table, which a partitioned table can't from PostgreSQL 18 on: it is never unlogged itself",
                key.name.as_str()
            ),
            format!("make {} logged first (ALTER TABLE … SET LOGGED), or drop the foreign key", key.referenced.plain()),
        ));
    }
}

fn about_keys(table: &Table, problems: &mut Vec<Problem>) {
    match &table.primary_key {
        None if primary_key_without_overlaps(table) => {}
        None => problems.push(Problem::blocker(
            format!(
                "{} has no primary key, which tells its rows apart",
                table.name.plain()
            ),
            primary_key_to_add(table),
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
}

/// A unique key of columns that can't be NULL makes one without a scan, if it is a plain index.
fn primary_key_to_add(table: &Table) -> String {
    let not_null = |name: &Ident| table.columns.iter().any(|c| c.name == *name && c.not_null);
    let usable = table.unique_keys.iter().find(|key| {
        key.valid
            && !key.deferrable
            && !key.partial_or_expression
            && key.columns.iter().all(|c| not_null(&c.name))
    });
    let add = |what: String| format!("add one: ALTER TABLE {} ADD PRIMARY KEY {what}", table.name);
    match usable {
        Some(key) if !key.constraint => add(format!("USING INDEX {} (it reads nothing)", key.name)),
        Some(key) => {
            let columns: Vec<String> = key.columns.iter().map(|c| c.name.to_string()).collect();
            format!(
                "{}, from a new index: CREATE UNIQUE INDEX CONCURRENTLY new_key ON {} ({}) blocks nobody",
                add("USING INDEX new_key".to_owned()),
                table.name,
                columns.join(", ")
            )
        }
        None => add("…".to_owned()),
    }
}

fn about_constraints(table: &Table, spec: &TableSpec, problems: &mut Vec<Problem>) {
    about_exclusions(table, &spec.partition_columns(), problems);
    about_checks(table, problems);
    about_not_nulls(table, problems);
    for key in &table.foreign_keys_out {
        let name = key.name.as_str();
        if key.enforced && !key.validated && table.server_version < 180_000 {
            problems.push(Problem::blocker(
                format!("the foreign key {name} is NOT VALID, which a partitioned table can't have before PostgreSQL 18"),
                format!("validate it first: ALTER TABLE {} VALIDATE CONSTRAINT {}", table.name, key.name),
            ));
        } else if key.enforced && !key.validated {
            problems.push(Problem::warning(
                format!("the foreign key {name} is NOT VALID: a row that violates it can't change its partition any more"),
                format!(
                    "such an UPDATE is refused as soon as the copy has the foreign key, as it is a DELETE and an INSERT there; \
                     if there may be such rows, correct them and validate it first: ALTER TABLE {} VALIDATE CONSTRAINT {}",
                    table.name, key.name
                ),
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
    }
    if let Some(index) = &table.clustered_on {
        problems.push(Problem::note(
            format!("the table is marked as clustered on {}", index.as_str()),
            "a partitioned table can't bear that mark: its partitions do",
        ));
    }
}
