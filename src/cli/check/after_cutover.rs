//! The partitioned table against the recorded one, but for what the conversion itself changes.
//!
//! A change that the retired table has too is none: a rollback keeps it.

use crate::apply::Position;
use crate::cli::Failure;
use crate::cli::changes::changes;
use crate::model::{Column, Exclusion, ForeignKeyIn, Index, Key, Table};
use crate::plan::{Plan, retired_index_name};
use crate::spec::TableSpec;
use crate::sql::{Ident, ServerSql};

/// What is known beside the tables themselves.
pub struct AfterCutover<'a> {
    pub recorded: &'a Table,
    pub plan: &'a Plan,
    pub spec: &'a TableSpec,
    pub position: &'a Position,
}

impl AfterCutover<'_> {
    /// What was changed since the cutover, a sentence each.
    pub fn changes(&self, live: &Table, retired: &Table) -> Result<Vec<String>, Failure> {
        let mut before = self.comparable(self.recorded);
        // The cutover sets it.
        before
            .publications
            .iter_mut()
            .for_each(|p| p.via_partition_root = true);
        let after = self.comparable(live);
        let mut said = changes(&before, &after)?;
        let of_retired = changes(&before, &self.as_source(self.comparable(retired), &after))?;
        said.retain(|change| !of_retired.contains(change));
        said.extend(self.changes_of_incoming(live, retired)?);
        said.extend(self.columns_of_retired(live, retired));
        Ok(said)
    }

    /// Columns that the retired table has, or lacks, alone: a rollback refuses that, too.
    fn columns_of_retired(&self, live: &Table, retired: &Table) -> Vec<String> {
        let has = |table: &Table, column: &Column| {
            let mut columns = table.columns.iter();
            columns.any(|other| other.name == column.name && other.type_sql == column.type_sql)
        };
        let name = retired.name.plain();
        let alone = retired.columns.iter().filter(|column| !has(live, column));
        let mut said: Vec<String> = alone
            .filter(|column| !has(self.recorded, column))
            .map(|c| {
                format!(
                    "column {} was added ({}) to {name} alone",
                    c.name.as_str(),
                    c.type_sql
                )
            })
            .collect();
        let lacking = live.columns.iter().filter(|column| !has(retired, column));
        said.extend(
            lacking
                .filter(|column| has(self.recorded, column))
                .map(|column| format!("column {} was dropped from {name} alone", column.name.as_str())),
        );
        said
    }

    /// A table without what the cutover changes, and with all of its indexes in one list.
    fn comparable(&self, table: &Table) -> Table {
        let mut table = table.clone();
        let like = self.recorded;
        // Only partitions have these.
        table.kind = like.kind;
        table.persistence = like.persistence;
        table.storage_parameters.clone_from(&like.storage_parameters);
        table.tablespace.clone_from(&like.tablespace);
        table.access_method.clone_from(&like.access_method);
        table.clustered_on.clone_from(&like.clustered_on);
        table.fingerprint.clone_from(&like.fingerprint);
        // They follow from other lists, or are told apart by `changes_of_incoming`.
        table.relations_above.clear();
        table.dependents.clear();
        table.foreign_keys_in.clear();
        self.compare_indexes(&mut table);
        self.compare_constraints(&mut table);
        let own = self.plan.conversion.triggers_on_partitioned_table();
        table.triggers.retain(|trigger| !own.contains(&&trigger.name));
        self.compare_views(&mut table);
        table
    }

    fn compare_indexes(&self, table: &mut Table) {
        let keys = table
            .primary_key
            .take()
            .into_iter()
            .chain(table.unique_keys.drain(..));
        let mut indexes: Vec<Index> = keys.map(|key| of_key(&key)).collect();
        indexes.extend(table.exclusions.drain(..).map(of_exclusion));
        // One that isn't valid isn't carried; one that is being built isn't there yet.
        indexes.extend(table.indexes.drain(..).filter(|index| index.valid));
        for index in &mut indexes {
            index.definition = nothing();
            index.tablespace = None;
            index.statistics_targets.clear();
            if self.is_altered(&index.name) {
                index.using = nothing();
            }
        }
        indexes.sort_by(|a, b| a.name.cmp(&b.name));
        table.indexes = indexes;
    }

    /// Whether a key lacks the partition key, so that the cutover makes another of it.
    fn is_altered(&self, name: &Ident) -> bool {
        let mut keys = self.recorded.primary_key.iter().chain(&self.recorded.unique_keys);
        let key = keys.find(|key| key.name == *name);
        let holds = |key: &Key, column: &str| key.columns.iter().any(|c| c.name.as_str() == column);
        key.is_some_and(|key| {
            self.spec
                .partition_columns()
                .iter()
                .any(|column| !holds(key, column))
        })
    }

    fn compare_constraints(&self, table: &mut Table) {
        let keys = self.spec.partition_columns();
        let is_key = |column: &Ident| keys.contains(&column.as_str());
        for column in table.columns.iter_mut().filter(|column| is_key(&column.name)) {
            column.not_null = true;
        }
        // What isn't inherited stands on each partition.
        let checks = self.recorded.checks.iter().filter(|check| check.no_inherit);
        let checks: Vec<&Ident> = checks.map(|check| &check.name).collect();
        table.checks.retain(|check| !checks.contains(&&check.name));
        let not_nulls = self.recorded.not_nulls.iter().filter(|n| n.no_inherit);
        let not_nulls: Vec<&Ident> = not_nulls.map(|not_null| &not_null.name).collect();
        table
            .not_nulls
            .retain(|n| !is_key(&n.column) && !not_nulls.contains(&&n.name));
        // Those to the table itself refer to a guard, or are gone, as was decided.
        let to_itself = |name: &Ident| {
            let mut keys = self.recorded.foreign_keys_out.iter();
            keys.any(|key| key.name == *name && key.referenced == self.recorded.name)
        };
        table.foreign_keys_out.retain(|key| !to_itself(&key.name));
    }

    /// A view that groups by the primary key is written otherwise where that is another.
    fn compare_views(&self, table: &mut Table) {
        let groups = |name: &crate::sql::QualifiedName| {
            let views = self.recorded.views.iter().map(|v| (&v.name, v.groups_by_key));
            let materialized = self.recorded.materialized_views.iter();
            let mut all = views.chain(materialized.map(|v| (&v.name, v.groups_by_key)));
            all.any(|(other, groups)| groups && other == name)
        };
        for view in &mut table.views {
            view.depth = 0;
            if groups(&view.name) {
                (view.definition, view.groups_by_key) = (nothing(), false);
            }
        }
        for view in &mut table.materialized_views {
            if groups(&view.name) {
                (view.definition, view.groups_by_key) = (nothing(), false);
            }
        }
    }

    /// The retired table with the names that its indexes had, or that the same ones have on the partitioned table.
    fn as_source(&self, mut retired: Table, live: &Table) -> Table {
        let recorded = self.comparable(self.recorded).indexes;
        for index in &mut retired.indexes {
            let before = recorded
                .iter()
                .find(|old| retired_index_name(self.recorded, &old.name) == index.name);
            let now = || live.indexes.iter().find(|new| new.using == index.using);
            if let Some(same) = before.or_else(now) {
                index.name = same.name.clone();
                if self.is_altered(&index.name) {
                    index.using = nothing();
                }
            }
        }
        let (of_retired, of_source) = (retired.name.typed(), self.recorded.name.typed());
        for trigger in &mut retired.triggers {
            let definition = trigger.definition.as_str().replace(&of_retired, &of_source);
            trigger.definition = ServerSql::from_server(definition);
        }
        retired
    }

    /// Foreign keys of others: those that there were point at the retired table until they are moved.
    fn changes_of_incoming(&self, live: &Table, retired: &Table) -> Result<Vec<String>, Failure> {
        let is_in = |keys: &[ForeignKeyIn], key: &ForeignKeyIn| {
            let mut keys = keys.iter();
            keys.any(|other| other.name == key.name && other.table == key.table)
        };
        let known = &self.recorded.foreign_keys_in;
        let mut before = self.recorded.clone();
        before
            .foreign_keys_in
            .retain(|key| key.table != self.recorded.name);
        let mut after = before.clone();
        if !self.position.foreign_keys_moved && !self.position.foreign_keys_moving {
            after
                .foreign_keys_in
                .retain(|key| is_in(&retired.foreign_keys_in, key) || is_in(&live.foreign_keys_in, key));
        }
        let of_others = |key: &&ForeignKeyIn| key.table != live.name && key.table != retired.name;
        let new = live.foreign_keys_in.iter().filter(of_others);
        after
            .foreign_keys_in
            .extend(new.filter(|key| !is_in(known, key)).cloned());
        Ok(changes(&before, &after)?)
    }
}

fn nothing() -> ServerSql {
    ServerSql::from_server("")
}

/// What makes a key, without the names of its index and its table.
fn of_key(key: &Key) -> Index {
    let definition = key.definition.as_str();
    let using = match definition.split_once(" USING ") {
        Some((_, using)) if !key.constraint => format!("UNIQUE USING {using}"),
        _ => definition.to_owned(),
    };
    plain(&key.name, &using, key.comment.clone())
}

fn of_exclusion(exclusion: Exclusion) -> Index {
    plain(&exclusion.name, exclusion.definition.as_str(), exclusion.comment)
}

fn plain(name: &Ident, using: &str, comment: Option<String>) -> Index {
    Index {
        name: name.clone(),
        using: ServerSql::from_server(using),
        definition: nothing(),
        tablespace: None,
        valid: true,
        comment,
        statistics_targets: Vec::new(),
        bytes: 0,
    }
}
