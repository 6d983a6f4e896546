//! Everything that planning needs, in one read-only snapshot of the server.

use postgres::Client;

use super::Failure;
use crate::catalog;
use crate::model::{KeyRange, Measures, RelationKind, Table};
use crate::plan::{Candidate, FACTS_FORMAT, Facts, Names, Problem, candidates, partition_names};
use crate::spec::TableSpec;
use crate::sql::{Ident, QualifiedName};

/// A table as it is now, with its sizes.
pub struct Loaded {
    pub facts: Facts,
    pub measures: Measures,
    pub candidates: Vec<Candidate>,
    /// What only the live server shows: names taken, privileges, lock table.
    pub live_problems: Vec<Problem>,
}

/// How the table is meant to be partitioned, as far as it is known.
pub struct Wish<'a> {
    pub key: Option<&'a str>,
    pub time_zone: chrono_tz::Tz,
}

/// Reads the table; the key is the likeliest candidate where none is wished for.
pub fn load(client: &mut Client, name: &QualifiedName, wish: &Wish) -> Result<Loaded, Failure> {
    let mut snapshot = catalog::snapshot(client)?;
    let mut table = catalog::load_table(&mut snapshot, name)?;
    if table.kind == RelationKind::Table {
        catalog::load_violations(&mut snapshot, &mut table)?;
    }
    let measures = catalog::load_measures(&mut snapshot, name)?;
    let candidates = candidates(&table);
    let key = match wish.key {
        Some(key) => Some(key.to_owned()),
        None => candidates.first().map(|c| c.column.as_str().to_owned()),
    };
    let zone = wish.time_zone.name();
    let as_of = catalog::today(&mut snapshot, zone)?;
    let privileges = catalog::load_privileges(&mut snapshot, &table)?;
    let readable = key.filter(|_| !privileges.policies_bind_role);
    let key_range = match readable.and_then(|key| readable_key(&table, &key)) {
        Some(key) => catalog::load_key_range(&mut snapshot, &table, &key, zone)?,
        None => KeyRange {
            first: None,
            last: None,
            has_null: false,
            has_infinity: false,
        },
    };
    let live_problems = privilege_problems(&privileges, &table);
    let facts = Facts {
        format: FACTS_FORMAT,
        as_of,
        key_range,
        table,
    };
    Ok(Loaded {
        facts,
        measures,
        candidates,
        live_problems,
    })
}

/// The key, if its range can be read: a candidate column of an ordinary table.
fn readable_key(table: &Table, key: &str) -> Option<Ident> {
    let is_candidate = candidates(table).iter().any(|c| c.column.as_str() == key);
    (is_candidate && table.kind == RelationKind::Table)
        .then(|| Ident::new(key).ok())
        .flatten()
}

fn privilege_problems(privileges: &catalog::Privileges, table: &Table) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !privileges.owner_member {
        problems.push(Problem::blocker(
            format!(
                "the role isn't (a member of) {}, the owner of {}",
                table.owner.as_str(),
                table.name.plain()
            ),
            "connect as the owner or as a member of it",
        ));
    }
    if !privileges.create_on_schema {
        problems.push(Problem::blocker(
            format!(
                "the role may not create anything in the schema {}",
                table.name.schema.as_str()
            ),
            format!("GRANT CREATE ON SCHEMA {} TO it", table.name.schema),
        ));
    }
    if !privileges.owner_rights {
        problems.push(Problem::blocker(
            format!(
                "the owner {} may not read and write its own table, as whom the sync acts",
                table.owner.as_str()
            ),
            format!("GRANT ALL ON TABLE {} TO {}", table.name, table.owner),
        ));
    }
    if let Some(schemas) = &privileges.schemas_hidden_from_owner {
        problems.push(Problem::blocker(
            format!(
                "the owner {} may not use the schema {schemas}, where the table or its key's operators are",
                table.owner.as_str()
            ),
            format!("GRANT USAGE ON SCHEMA {schemas} TO {}", table.owner),
        ));
    }
    if privileges.policies_bind_role || privileges.policies_bind_owner {
        problems.push(row_security_problem(privileges, table));
    }
    problems.extend(privileges.missing.iter().map(|right| missing_right(right, table)));
    if !privileges.history {
        problems.push(Problem::warning(
            "the role may not create the schema pgcleave, where apply keeps its history",
            "GRANT CREATE ON DATABASE to it, or have CREATE SCHEMA pgcleave AUTHORIZATION done for it; the files run by psql do without",
        ));
    }
    if !privileges.read_all_stats {
        problems.push(Problem::note(
            "the role can't see others' snapshots (pg_read_all_stats), which the cutover must wait for",
            "GRANT pg_read_all_stats to it, or allow unseen_snapshots at the cutover after a look of your own",
        ));
    }
    problems
}

/// Whoever copies and compares must see every row.
fn row_security_problem(privileges: &catalog::Privileges, table: &Table) -> Problem {
    let (role, remedy) = match privileges.policies_bind_owner {
        true => (
            format!("the owner {}, as whom the sync acts,", table.owner.as_str()),
            format!(
                "ALTER ROLE {} BYPASSRLS as long as the conversion lasts, and connect as a role that has it too",
                table.owner
            ),
        ),
        false => (
            "this role".to_owned(),
            "connect as a superuser or as a role with BYPASSRLS; without FORCE the table's owner will do"
                .to_owned(),
        ),
    };
    Problem::blocker(
        format!(
            "row-level security of {} binds {role} which must read and write every row",
            table.name.plain()
        ),
        remedy,
    )
}

/// Found now, not by the step that needs it.
fn missing_right(right: &catalog::MissingRight, table: &Table) -> Problem {
    use catalog::MissingRight as Missing;
    match right {
        Missing::References(name) => Problem::blocker(
            format!("the role may not make foreign keys that refer to {name}, as the table has one"),
            format!("GRANT REFERENCES ON TABLE {name} TO it"),
        ),
        Missing::Execute(name) => Problem::blocker(
            format!(
                "the role may not put a trigger with the function {name} on the copy, as the table has one"
            ),
            format!("GRANT EXECUTE ON FUNCTION {name} TO it"),
        ),
        Missing::RelationAbove(name) => Problem::blocker(
            format!("the {name} reads the table and belongs to a role that this one isn't a member of"),
            "connect as a role that is a member of both owners: the cutover changes it with the table",
        ),
        Missing::CreateInSchema(place) => Problem::blocker(
            format!(
                "a materialized view on the table must be made anew, and nothing may be created by {place}"
            ),
            "GRANT CREATE ON SCHEMA to that role",
        ),
        Missing::OwnerCreate(schema) => Problem::blocker(
            format!(
                "the owner {} may not create anything in the schema {schema}",
                table.owner.as_str()
            ),
            format!("GRANT CREATE ON SCHEMA {schema} TO {}", table.owner),
        ),
    }
}

/// Names of materialized views' successors that are taken.
fn catalog_successors(
    snapshot: &mut postgres::Transaction<'_>,
    facts: &Facts,
) -> Result<Vec<QualifiedName>, Failure> {
    let mut taken = Vec::new();
    for name in crate::plan::successors(&facts.table) {
        if catalog::relation_kind(snapshot, &name)?.is_some() {
            taken.push(name);
        }
    }
    Ok(taken)
}

/// Names of ours that are taken, and a lock table too small for the partitions.
pub fn placement_problems(
    client: &mut Client,
    facts: &Facts,
    spec: &TableSpec,
) -> Result<Vec<Problem>, Failure> {
    let mut snapshot = catalog::snapshot(client)?;
    let schema = &facts.table.name.schema;
    let relations = catalog::names_in_use(&mut snapshot, schema)?;
    let functions = catalog::function_names_in_use(&mut snapshot, schema)?;
    let capacity = catalog::lock_table_capacity(&mut snapshot)?;
    let (planned, names) = (partition_names(facts, spec), Names::of(&facts.table.name));
    let taken_relations = planned
        .iter()
        .chain(names.relations())
        .filter(|n| relations.contains(&n.name));
    let taken_functions = names
        .functions()
        .into_iter()
        .filter(|n| functions.contains(&n.name));
    let successors = catalog_successors(&mut snapshot, facts)?;
    let mut problems: Vec<Problem> = taken_relations
        .chain(taken_functions)
        .chain(&successors)
        .map(|name| {
            Problem::blocker(
                format!("the name {} is taken", name.plain()),
                "rename or drop what has it; if another run left it, undo that: pgcleave rollback",
            )
        })
        .collect();
    // One transaction locks every partition with its indexes: see problems of many partitions in the manual.
    let indexes = 1 + facts.table.unique_keys.len() + facts.table.indexes.len();
    let locks = (planned.len() * (indexes + 2)) as i64;
    if locks > capacity {
        problems.push(Problem::blocker(
            format!(
                "{locks} locks would be needed for {} partitions; the server's lock table holds {capacity}",
                planned.len()
            ),
            "raise max_locks_per_transaction (needs a restart), or choose a wider --interval",
        ));
    }
    Ok(problems)
}
