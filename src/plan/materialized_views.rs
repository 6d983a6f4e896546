//! Materialized views on the table: each gets a new one on the copy, which takes its name at the cutover.
//!
//! A materialized view's query can't be replaced, so that one on the table would stay with the retired table.

use super::carried_indexes::in_tablespace;
use super::conversion::{grants, parameters, with_parameters};
use super::names::{Names, derived};
use crate::model::{MaterializedIndex, MaterializedView, Table};
use crate::sql::{Fragment, Ident, Literal, Number, QualifiedName, ServerSql, rename_in_query};

/// A materialized view with its successor on the copy.
#[derive(Debug, Clone)]
pub struct PlannedMaterializedView {
    pub name: QualifiedName,
    pub copy: QualifiedName,
    pub retired: QualifiedName,
    pub owner: Ident,
    /// `CREATE MATERIALIZED VIEW … WITH NO DATA`.
    pub create: Fragment,
    pub populated: bool,
    /// Indexes, settings of columns, comments; before it is filled.
    pub settings: Vec<Fragment>,
    pub grants: Vec<Fragment>,
    pub renames_at_cutover: Vec<Fragment>,
    pub renames_at_rollback: Vec<Fragment>,
}

pub(super) fn materialized_views(table: &Table, names: &Names) -> Vec<PlannedMaterializedView> {
    // What each query reads, by its name and by that of its successor.
    let mut successors = vec![(names.source.clone(), names.copy.clone())];
    let mut planned = Vec::new();
    for view in &table.materialized_views {
        let (copy, retired) = successor_names(&view.name);
        let mut query = view.definition.clone();
        for (from, to) in &successors {
            query = rename_in_query(&query, from, to);
        }
        successors.push((view.name.clone(), copy.clone()));
        planned.push(PlannedMaterializedView {
            create: create(view, &copy, &query),
            settings: settings(view, &copy),
            grants: grants(&view.grants, &view.owner, &copy),
            renames_at_cutover: renames(view, |_, retired| retired, |copy, _| copy),
            renames_at_rollback: renames(view, |copy, _| copy, |_, retired| retired),
            name: view.name.clone(),
            owner: view.owner.clone(),
            populated: view.populated,
            copy,
            retired,
        });
    }
    planned
}

/// Names that materialized views on the table get beside their own.
pub fn successors(table: &Table) -> Vec<QualifiedName> {
    let both = |view: &MaterializedView| {
        let (copy, retired) = successor_names(&view.name);
        [copy, retired]
    };
    table.materialized_views.iter().flat_map(both).collect()
}

/// A relation's name on the copy and on the retired side.
pub(super) fn successor_names(name: &QualifiedName) -> (QualifiedName, QualifiedName) {
    (
        derived(name, "_pgcleave_copy"),
        derived(name, "_pgcleave_retired"),
    )
}

fn create(view: &MaterializedView, copy: &QualifiedName, query: &ServerSql) -> Fragment {
    let method = view.access_method.as_ref();
    let method = method.map_or_else(Fragment::default, |m| Fragment::new(" USING {}", &[m]));
    let tablespace = view.tablespace.as_ref();
    let tablespace = tablespace.map_or_else(Fragment::default, |t| Fragment::new(" TABLESPACE {}", &[t]));
    Fragment::new(
        "CREATE MATERIALIZED VIEW {}{}{}{} AS\n{}\nWITH NO DATA",
        &[
            copy,
            &method,
            &with_parameters(&view.storage_parameters),
            &tablespace,
            query,
        ],
    )
}

fn settings(view: &MaterializedView, copy: &QualifiedName) -> Vec<Fragment> {
    let mut settings = Vec::new();
    if let Some(text) = &view.comment {
        let text = Literal::new(text.as_str());
        settings.push(Fragment::new(
            "COMMENT ON MATERIALIZED VIEW {} IS {}",
            &[copy, &text],
        ));
    }
    for column in &view.columns {
        if let Some(text) = &column.comment {
            let text = Literal::new(text.as_str());
            let on = "COMMENT ON COLUMN {}.{} IS {}";
            settings.push(Fragment::new(on, &[copy, &column.name, &text]));
        }
        if let Some(target) = column.statistics_target {
            let set = "ALTER MATERIALIZED VIEW {} ALTER COLUMN {} SET STATISTICS {}";
            settings.push(Fragment::new(set, &[copy, &column.name, &Number(target.into())]));
        }
        if !column.options.is_empty() {
            let set = "ALTER MATERIALIZED VIEW {} ALTER COLUMN {} SET ({})";
            settings.push(Fragment::new(
                set,
                &[copy, &column.name, &parameters(&column.options)],
            ));
        }
    }
    for index in &view.indexes {
        settings.extend(index_settings(view, copy, index));
    }
    settings
}

fn index_settings(view: &MaterializedView, copy: &QualifiedName, index: &MaterializedIndex) -> Vec<Fragment> {
    let (name, _) = successor_names(&view.name.sibling(index.name.clone()));
    let using = ServerSql::from_server(index.using.as_str().trim_start());
    let create = match index.unique {
        true => "CREATE UNIQUE INDEX {} ON {} {}",
        false => "CREATE INDEX {} ON {} {}",
    };
    let mut settings = vec![Fragment::new(
        create,
        &[
            &name.name,
            copy,
            &in_tablespace(&using, index.tablespace.as_ref()),
        ],
    )];
    for (column, target) in &index.statistics_targets {
        settings.push(Fragment::new(
            "ALTER INDEX {} ALTER COLUMN {} SET STATISTICS {}",
            &[&name, &Number((*column).into()), &Number((*target).into())],
        ));
    }
    if index.clustered {
        let cluster = "ALTER MATERIALIZED VIEW {} CLUSTER ON {}";
        settings.push(Fragment::new(cluster, &[copy, &name.name]));
    }
    if let Some(text) = &index.comment {
        let text = Literal::new(text.as_str());
        settings.push(Fragment::new("COMMENT ON INDEX {} IS {}", &[&name, &text]));
    }
    settings
}

type Choice = fn(QualifiedName, QualifiedName) -> QualifiedName;

/// The name goes `away` from the one that has it, and comes `from` the other.
fn renames(view: &MaterializedView, away: Choice, from: Choice) -> Vec<Fragment> {
    let swap = |text: &'static str, name: &QualifiedName| {
        let (copy, retired) = successor_names(name);
        let away = away(copy.clone(), retired.clone());
        let from = from(copy, retired);
        [
            Fragment::new(text, &[name, &away.name]),
            Fragment::new(text, &[&from, &name.name]),
        ]
    };
    let mut renames = swap("ALTER MATERIALIZED VIEW {} RENAME TO {}", &view.name).to_vec();
    for index in &view.indexes {
        let name = view.name.sibling(index.name.clone());
        renames.extend(swap("ALTER INDEX {} RENAME TO {}", &name));
    }
    renames
}
