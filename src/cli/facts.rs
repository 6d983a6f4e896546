//! Everything that planning needs, in one read-only snapshot of the server.

use indicatif::HumanBytes;
use postgres::{Client, Transaction};

use super::{Failure, PartitioningArgs, pg_cron};
use crate::catalog::{self, CatalogError, ValueOrder};
use crate::model::{Column, KeyRange, Measures, RelationKind, Table};
use crate::plan::{
    Candidate, FACTS_FORMAT, Facts, Names, Problem, bounds, candidates, guard_names, partition_names,
};
use crate::spec::{CopyBy, Level, PartitionKey, SpecValue, Strategy, TableSpec};
use crate::sql::{Ident, QualifiedName};

/// More values of a LIST key than there could ever be partitions.
const MOST_VALUES: i64 = bounds::MAX_ALLOWED_PARTITIONS as i64 + 1;

/// A table as it is now, with its sizes.
pub struct Loaded {
    pub facts: Facts,
    pub measures: Measures,
    pub candidates: Vec<Candidate>,
    /// What only the live server shows: names taken, privileges, lock table.
    pub live_problems: Vec<Problem>,
}

/// Reads the table; by the likeliest candidate where nothing is said of its partitioning.
pub fn load(
    client: &mut Client,
    name: &QualifiedName,
    spec: Option<&TableSpec>,
    args: &PartitioningArgs,
) -> Result<Loaded, Failure> {
    let mut snapshot = catalog::snapshot(client)?;
    let mut table = catalog::load_table(&mut snapshot, name)?;
    if table.kind == RelationKind::Table {
        catalog::load_violations(&mut snapshot, &mut table)?;
    }
    let measures = catalog::load_measures(&mut snapshot, name)?;
    let candidates = candidates(&table);
    let likeliest = candidates.first().map(|candidate| {
        let key = PartitionKey::of(candidate.column.as_str());
        TableSpec::new(name.typed(), key)
    });
    let spec = spec.cloned().or(likeliest);
    let zone = spec.as_ref().map(|spec| spec.time_zone);
    let zone = args.time_zone.or(zone).unwrap_or(chrono_tz::UTC);
    let as_of = catalog::today(&mut snapshot, zone.name())?;
    let privileges = catalog::load_privileges(&mut snapshot, &table)?;
    let mut key_ranges = [KeyRange::default(), KeyRange::default()];
    let levels = spec.as_ref().map(TableSpec::levels).unwrap_or_default();
    // Policies that bind the role would hide rows: the query would fail.
    for (level, key_range) in levels
        .iter()
        .zip(&mut key_ranges)
        .filter(|_| !privileges.policies_bind_role)
    {
        *key_range = read_key(&mut snapshot, &table, level, zone.name())?;
    }
    let [key_range, sub_key_range] = key_ranges;
    let mut live_problems = privilege_problems(&privileges, &table);
    if table.kind == RelationKind::Table {
        live_problems.push(room_for_the_copy(&measures));
    }
    let facts = Facts {
        format: FACTS_FORMAT,
        as_of,
        key_range,
        sub_key_range,
        table,
    };
    Ok(Loaded {
        facts,
        measures,
        candidates,
        live_problems,
    })
}

/// What the level's layout depends on; nothing of a key that can't be read.
fn read_key(
    snapshot: &mut Transaction<'_>,
    table: &Table,
    level: &Level,
    zone: &str,
) -> Result<KeyRange, Failure> {
    let columns = level.key.columns().iter();
    let columns: Option<Vec<&Column>> = columns
        .map(|name| table.columns.iter().find(|c| c.name.as_str() == name))
        .collect();
    let Some(columns) = columns.filter(|_| table.kind == RelationKind::Table) else {
        return Ok(KeyRange::default());
    };
    let names: Vec<Ident> = columns.iter().map(|c| c.name.clone()).collect();
    let has_intervals = columns
        .first()
        .is_some_and(|c| bounds::KeyType::from_type_name(&c.base_type).is_some());
    let mut key_range = match level.strategy {
        Strategy::Range if has_intervals && level.bounds.is_empty() => {
            catalog::load_key_range(snapshot, table, &names[0], zone)?
        }
        Strategy::List if level.lists.is_empty() && columns[0].equal.is_some() => KeyRange {
            values: catalog::load_key_values(snapshot, table, &names[0], MOST_VALUES)?,
            ..KeyRange::default()
        },
        Strategy::Range | Strategy::List | Strategy::Hash => KeyRange::default(),
    };
    key_range.has_null = catalog::load_key_has_null(snapshot, table, &names)?;
    Ok(key_range)
}

/// Free space can't be seen from SQL.
fn room_for_the_copy(measures: &Measures) -> Problem {
    let bytes = measures.table_bytes + measures.index_bytes;
    Problem::note(
        format!(
            "the copy needs about as much room as the table with its indexes: {}, and its WAL as much again",
            HumanBytes(bytes.unsigned_abs())
        ),
        "make sure that the server's disks, its replicas' and the WAL archive's have it: how much is free can't be seen from SQL",
    )
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
        Missing::Child(name) => Problem::warning(
            format!(
                "the table {name} refers to this one and belongs to a role that this one isn't a member of"
            ),
            "the step move_incoming_foreign_keys changes it: have that step run by a role that is a member of both owners",
        ),
        Missing::CreateInSchema(place) => Problem::blocker(
            format!(
                "a materialized view on the table must be made anew, and nothing may be created by {place}"
            ),
            "GRANT CREATE ON SCHEMA to that role",
        ),
        Missing::Routine(name) => Problem::blocker(
            format!(
                "the function {name} is made again at the cutover, and this role may not: it isn't a member of its owner, or one of them may not create anything in its schema, or not in its language"
            ),
            "grant it that, or connect as a superuser",
        ),
        Missing::Publication(name) => Problem::blocker(
            format!(
                "the publication {name} has the table and belongs to a role that this one isn't a member of"
            ),
            "connect as a role that is a member of both owners: the cutover changes it with the table",
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
    let guards = guard_names(&facts.table, spec);
    let taken_relations = planned
        .iter()
        .chain(names.relations())
        .chain(&guards.relations)
        .filter(|n| relations.contains(&n.name));
    let taken_functions = names
        .functions()
        .into_iter()
        .chain(&guards.functions)
        .filter(|n| functions.contains(&n.name));
    let mut successors = catalog_successors(&mut snapshot, facts)?;
    for name in crate::plan::lasting_functions(&facts.table, spec) {
        if catalog::function_names_in_use(&mut snapshot, &name.schema)?.contains(&name.name) {
            successors.push(name);
        }
    }
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
    if spec.copy == CopyBy::PgCron {
        problems.extend(pg_cron::obstacles(&mut snapshot)?);
    }
    drop(snapshot);
    for level in spec.levels() {
        problems.extend(value_problem(client, &facts.table, &level)?);
    }
    Ok(problems)
}

/// Bounds and lists of the spec that the key's type doesn't take or orders otherwise.
fn value_problem(client: &mut Client, table: &Table, level: &Level) -> Result<Option<Problem>, Failure> {
    let lists = level.lists.values().flatten();
    let values: Vec<String> = level.bounds.iter().chain(lists).map(SpecValue::text).collect();
    let column = table
        .columns
        .iter()
        .find(|c| c.name.as_str() == level.key.first());
    let Some(column) = column.filter(|c| !values.is_empty() && c.equal.is_some()) else {
        return Ok(None);
    };
    // A snapshot of its own: a value that isn't taken ends it.
    let mut snapshot = catalog::snapshot(client)?;
    let key = level.key.to_string();
    match catalog::load_value_order(&mut snapshot, table, &column.name, &values) {
        Ok(ValueOrder::NotDistinct) => Ok(Some(Problem::blocker(
            format!("two of the spec's values of the key {key:?} are equal"),
            "name each value once",
        ))),
        Ok(ValueOrder::Distinct) if !level.bounds.is_empty() => Ok(Some(Problem::blocker(
            format!(
                "the spec's bounds of the key {key:?} aren't in ascending order, as the server sorts them"
            ),
            "write them in that order",
        ))),
        Ok(ValueOrder::Ascending | ValueOrder::Distinct) => Ok(None),
        Err(CatalogError::Query { source, .. }) if source.as_db_error().is_some() => {
            let said = source.as_db_error().map_or("", |error| error.message());
            Ok(Some(Problem::blocker(
                format!("the key {key:?} doesn't take a value of the spec: {said}"),
                "mend it in the spec",
            )))
        }
        Err(error) => Err(error.into()),
    }
}
