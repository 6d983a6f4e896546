//! The table's own foreign keys, as the copy has them.

use super::guards::guard_table;
use super::incoming::{choice, stays_possible};
use super::names::Names;
use crate::model::{ForeignKeyOut, Table};
use crate::spec::{IncomingChoice, TableSpec};
use crate::sql::{Ident, Literal, QualifiedName, retarget};

/// The foreign key on a side that follows: checked at COMMIT, as its rows may follow within the statement
/// that deletes what they refer to.
pub(super) fn following_definition(key: &ForeignKeyOut) -> Literal {
    let definition = key.definition.as_str();
    Literal::new(match is_checked_at_once(key) {
        true => format!("{definition} DEFERRABLE INITIALLY DEFERRED"),
        false => definition.to_owned(),
    })
}

/// Names of those that are checked at the end of each statement.
pub(super) fn checked_at_once(keys: &[ForeignKeyOut]) -> Vec<Ident> {
    keys.iter()
        .filter(|k| is_checked_at_once(k))
        .map(|k| k.name.clone())
        .collect()
}

/// The table's foreign keys as the copy has them: one that refers to the table itself refers to the copy or to the
/// guard of its key, or isn't carried, as decided.
pub(super) fn carried_foreign_keys(
    table: &Table,
    spec: &TableSpec,
    names: &Names,
) -> Option<Vec<ForeignKeyOut>> {
    let carried = |key: &ForeignKeyOut| {
        if key.referenced != table.name {
            return Some(Some(key.clone()));
        }
        let incoming = table
            .foreign_keys_in
            .iter()
            .find(|k| k.table == table.name && k.name == key.name)?;
        let referenced = match choice(incoming, table, spec) {
            Some(IncomingChoice::Drop) => return Some(None),
            _ if stays_possible(incoming, table, spec) => names.copy.clone(),
            _ => guard_table(table, &incoming.referenced_key),
        };
        let definition = retarget(&key.definition, "REFERENCES", &table.name, &referenced)?;
        Some(Some(ForeignKeyOut {
            referenced,
            definition,
            ..key.clone()
        }))
    };
    let keys: Option<Vec<Option<ForeignKeyOut>>> = table.foreign_keys_out.iter().map(carried).collect();
    Some(keys?.into_iter().flatten().collect())
}

/// Dropping a foreign key locks what it refers to.
pub(super) fn tables_referred_to(table: &Table) -> Vec<&QualifiedName> {
    let mut referenced: Vec<&QualifiedName> = table.foreign_keys_out.iter().map(|k| &k.referenced).collect();
    referenced.sort();
    referenced.dedup();
    referenced
}

fn is_checked_at_once(key: &ForeignKeyOut) -> bool {
    key.enforced && !key.deferrable
}
