//! The partition key as a column of a table that refers to the partitioned one, so that a real foreign key holds both.

use super::incoming_triggers::{own_name, pairs, prefixed};
use super::names::derived;
use super::unique_keys::{all_keys, lacking};
use crate::model::{ForeignKeyIn, ReferentialAction, Table};
use crate::spec::TableSpec;
use crate::sql::{ColumnList, Fragment, Ident, Literal, QualifiedName, ServerSql, SqlPart};

/// What the table that refers gets.
#[derive(Debug, Clone)]
pub struct PlannedExtension {
    /// Columns that refer now.
    pub columns: ColumnList,
    /// Those that come beside them, and what they are filled with.
    pub added: ColumnList,
    pub partition_key: ColumnList,
    /// `ADD COLUMN "x" type, …`, `DROP COLUMN "x", …`
    pub add_columns: Fragment,
    pub drop_columns: Fragment,
    pub column_comment: Literal,
    /// The function that fills them, and its trigger.
    pub fill: QualifiedName,
    pub fill_trigger: Ident,
    /// The old foreign key's name until it is dropped: the new one has its own from the start, as the server derives
    /// those of its parts from it.
    pub old_name: Ident,
    pub definition: Fragment,
    /// `p."id" = NEW."event"`, `p."id" = c."event"`
    pub parent_of_new: Fragment,
    pub parent_of_child: Fragment,
    pub column_names: Literal,
    /// `; COMMENT ON CONSTRAINT …`, or nothing.
    pub comment: Fragment,
    /// The foreign key as it was, added to the retired table.
    pub back: Fragment,
}

/// Columns of the partition key that the key referred to doesn't hold.
fn partition_key(key: &ForeignKeyIn, table: &Table, spec: &TableSpec) -> Option<Vec<Ident>> {
    let referenced = all_keys(table).find(|k| k.name == key.referenced_key)?;
    let columns = lacking(referenced, spec).into_iter();
    columns.map(|name| Ident::new(name).ok()).collect()
}

/// `event_at` for the foreign key `event` and the partition key `at`.
fn added_column(key: &ForeignKeyIn, column: &Ident) -> Ident {
    derived(
        &key.table.sibling(key.name.clone()),
        &format!("_{}", column.as_str()),
    )
    .name
}

/// Names of the columns that are added to the table that refers.
pub(super) fn added_columns(key: &ForeignKeyIn, table: &Table, spec: &TableSpec) -> Vec<Ident> {
    let columns = partition_key(key, table, spec).unwrap_or_default();
    columns.iter().map(|column| added_column(key, column)).collect()
}

/// The trigger that fills them.
pub(super) fn fill_trigger(key: &ForeignKeyIn) -> Option<Ident> {
    // Behind every BEFORE trigger of the user's, which may change what is referred to.
    prefixed("~", &key.name)
}

pub(super) fn planned_extension(
    key: &ForeignKeyIn,
    table: &Table,
    spec: &TableSpec,
    source: &QualifiedName,
    comment: Fragment,
    back: Fragment,
) -> Option<PlannedExtension> {
    let partition_key = partition_key(key, table, spec)?;
    let added = added_columns(key, table, spec);
    let mut add = Vec::new();
    for (name, of) in added.iter().zip(&partition_key) {
        let column = table.columns.iter().find(|c| c.name == *of)?;
        let collation = column
            .collation
            .as_ref()
            .map_or_else(Fragment::default, |c| Fragment::new(" COLLATE {}", &[c]));
        add.push(Fragment::new(
            "ADD COLUMN {} {}{}",
            &[name, &base_type(&column.base_type)?, &collation],
        ));
    }
    let columns = Fragment::list(key.columns.iter().chain(&added).cloned());
    let referenced = Fragment::list(key.referenced_columns.iter().chain(&partition_key).cloned());
    let parts: [&dyn SqlPart; 4] = [&columns, source, &referenced, &on_delete(key)];
    Some(PlannedExtension {
        columns: ColumnList::new(key.columns.clone()),
        add_columns: Fragment::list(add),
        drop_columns: Fragment::list(added.iter().map(|c| Fragment::new("DROP COLUMN {}", &[c]))),
        column_comment: Literal::new(format!(
            "The partition key of what {} refers to, kept by a trigger (pgcleave)",
            key.name.as_str()
        )),
        fill: derived(&table.name.sibling(own_name(key, table)), "_fill"),
        fill_trigger: fill_trigger(key)?,
        old_name: derived(&key.table.sibling(key.name.clone()), "_pgcleave_old").name,
        definition: Fragment::new("FOREIGN KEY ({}) REFERENCES {} ({}) ON UPDATE CASCADE{}", &parts),
        parent_of_new: pairs(key, "p.{} {} NEW.{}"),
        parent_of_child: pairs(key, "p.{} {} c.{}"),
        column_names: Literal::new(
            key.columns
                .iter()
                .map(Ident::as_str)
                .collect::<Vec<_>>()
                .join(", "),
        ),
        added: ColumnList::new(added),
        partition_key: ColumnList::new(partition_key),
        comment,
        back,
    })
}

/// Without a domain, whose constraints and default are the referenced column's.
fn base_type(name: &str) -> Option<Fragment> {
    if name.contains('.') {
        return Some(Fragment::new("{}", &[&ServerSql::from_server(name)]));
    }
    let catalog = Ident::new("pg_catalog").ok()?;
    Some(Fragment::new(
        "{}",
        &[&QualifiedName::new(catalog, Ident::new(name).ok()?)],
    ))
}

/// With a column list as it was: the trigger empties the new columns with any of the others.
fn on_delete(key: &ForeignKeyIn) -> Fragment {
    let action = match key.on_delete {
        ReferentialAction::NoAction => "",
        ReferentialAction::Restrict => " ON DELETE RESTRICT",
        ReferentialAction::Cascade => " ON DELETE CASCADE",
        ReferentialAction::SetNull => " ON DELETE SET NULL",
        ReferentialAction::SetDefault => " ON DELETE SET DEFAULT",
    };
    let action = Fragment::new(action, &[]);
    if key.on_delete_columns.is_empty() {
        return action;
    }
    let columns = Fragment::list(key.on_delete_columns.iter().cloned());
    Fragment::new("{} ({})", &[&action, &columns])
}
