//! From the live server to a plan: what planning needs, in one read-only snapshot, and what is in its way.

pub(crate) mod pg_cron;
mod privileges;

use chrono_tz::Tz;
use postgres::{Client, Transaction};

use self::privileges::privilege_problems;
use crate::catalog::{self, CatalogError, ValueOrder};
use crate::model::{Column, KeyRange, Measures, RelationKind, Table};
use crate::plan::{
    Candidate, FACTS_FORMAT, Facts, Names, Plan, Problem, bounds, candidates, guard_names, partition_names,
    plan_conversion,
};
use crate::spec::{CopyBy, Level, PartitionKey, SpecValue, Strategy, TableSpec};
use crate::sql::{Ident, QualifiedName};

/// More values of a LIST key than there could ever be partitions.
const MOST_VALUES: i64 = bounds::MAX_ALLOWED_PARTITIONS as i64 + 1;

/// A table as it is now, with its sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What a plan is made from.
    pub facts: Facts,
    /// Sizes, in bytes, blocks and rows.
    pub measures: Measures,
    /// Columns that could be the partition key, the likeliest first.
    pub candidates: Vec<Candidate>,
    /// What only the live server shows, as far as it doesn't depend on the partitions: privileges.
    pub live_problems: Vec<Problem>,
}

/// A plan for this server.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What to render.
    pub plan: Plan,
    /// What the user should know of the server; it stands in no file.
    pub notes: Vec<Problem>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The table can't be converted as asked: everything that was found, at least one of it a blocker.
    #[error("{} can't be converted as asked:{}", .table.plain(), Problem::list_blockers(.problems))]
    Blocked {
        /// The table.
        table: QualifiedName,
        /// Whether the blockers are missing rights, all of them.
        only_rights: bool,
        /// With warnings and notes; the remedy stands beside each cause.
        problems: Vec<Problem>,
    },
    /// The server couldn't be asked.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// Reads the table and what its partitions by the spec depend on.
///
/// # Errors
/// When there is no such table or a query fails.
pub fn load(client: &mut Client, table: &QualifiedName, spec: &TableSpec) -> Result<Loaded, CatalogError> {
    load_by(client, table, Some(spec), spec.time_zone)
}

/// Reads the table, by the likeliest candidate for the partition key, with today's date in the zone.
///
/// # Errors
/// When there is no such table or a query fails.
pub fn load_by_likeliest_key(
    client: &mut Client,
    table: &QualifiedName,
    time_zone: Tz,
) -> Result<Loaded, CatalogError> {
    load_by(client, table, None, time_zone)
}

impl Loaded {
    /// Decides how the table is converted, and looks whether the server has what that takes.
    ///
    /// # Errors
    /// With every blocker at once, or when the server can't be asked.
    pub fn plan(&self, client: &mut Client, spec: &TableSpec) -> Result<Planned, PlanError> {
        let notes = placement_problems(client, &self.facts, spec)?;
        let mut rights = self.live_problems.clone();
        if spec.copy == CopyBy::PgCron {
            rights.extend(pg_cron::missing_right(client)?);
        }
        let missing_rights = blockers(&rights);
        let mut problems = [&rights[..], &notes].concat();
        match plan_conversion(&self.facts, spec) {
            Ok(plan) if blockers(&problems) == 0 => return Ok(Planned { plan, notes }),
            Ok(_) => {}
            Err(found) => problems.extend(found),
        }
        Err(PlanError::Blocked {
            table: self.facts.table.name.clone(),
            only_rights: blockers(&problems) == missing_rights,
            problems,
        })
    }
}

fn blockers(problems: &[Problem]) -> usize {
    problems.iter().filter(|problem| problem.is_blocker()).count()
}

fn load_by(
    client: &mut Client,
    name: &QualifiedName,
    spec: Option<&TableSpec>,
    zone: Tz,
) -> Result<Loaded, CatalogError> {
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
    let live_problems = privilege_problems(&privileges, &table);
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
) -> Result<KeyRange, CatalogError> {
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

/// Names of materialized views' successors that are taken.
fn catalog_successors(
    snapshot: &mut postgres::Transaction<'_>,
    facts: &Facts,
) -> Result<Vec<QualifiedName>, CatalogError> {
    let mut taken = Vec::new();
    for name in crate::plan::successors(&facts.table) {
        if catalog::relation_kind(snapshot, &name)?.is_some() {
            taken.push(name);
        }
    }
    Ok(taken)
}

/// What is in the way of the partitions on the live server: names that are taken, a lock table too small for them,
/// values of the spec that the key's type doesn't take.
///
/// # Errors
/// When the server can't be asked.
pub fn placement_problems(
    client: &mut Client,
    facts: &Facts,
    spec: &TableSpec,
) -> Result<Vec<Problem>, CatalogError> {
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
fn value_problem(client: &mut Client, table: &Table, level: &Level) -> Result<Option<Problem>, CatalogError> {
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
        Err(error) => Err(error),
    }
}
