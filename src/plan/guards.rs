//! Narrow tables that keep a key's values unique over all partitions, and that foreign keys can refer to.

use super::names::derived;
use super::unique_keys::{all_keys, is_guarded, terms};
use crate::model::{Key, Table};
use crate::spec::TableSpec;
use crate::sql::{ColumnList, Fragment, Ident, KeyColumns, Literal, QualifiedName, QualifiedOperator};

const MOVES: &str = "_moves";
const KEY: &str = "_key";
const KEEP: &str = "_keep";
const NOTE_MOVES: &str = "_note_moves";
const KEEP_TRUNCATE: &str = "_keep_truncate";

/// A guard: one row per value of the key, with the row key beside it, which says where the row stands.
///
/// Rows that the key's index doesn't hold (partial), or with NULL in the key, have none.
#[derive(Debug, Clone)]
pub struct PlannedGuard {
    /// The key that it keeps.
    pub key: Ident,
    pub table: QualifiedName,
    /// Where rows go that change their partition; emptied within the statement.
    pub moves: QualifiedName,
    pub keep: QualifiedName,
    pub note_moves: QualifiedName,
    pub keep_truncate: QualifiedName,
    pub trigger: Ident,
    pub moves_trigger: Ident,
    pub truncate_trigger: Ident,
    /// Select list of a guard row from a row `r` of the table.
    pub entry: Fragment,
    /// Which rows have one: a condition on `r`.
    pub filter: Fragment,
    /// All columns of the guard.
    pub columns: ColumnList,
    /// Those that must be unique.
    pub key_columns: KeyColumns,
    /// The statement that makes them so.
    pub add_key: Fragment,
    /// `(id)`, for messages.
    pub terms: Literal,
    pub comment: Literal,
    /// `DELETE FROM guard WHERE `, for a partition's bounds.
    pub delete_where: Literal,
}

/// Names that guards take, which nobody else may have.
pub struct GuardNames {
    pub relations: Vec<QualifiedName>,
    pub functions: Vec<QualifiedName>,
}

/// The names of every guard that the spec asks for.
pub fn guard_names(table: &Table, spec: &TableSpec) -> GuardNames {
    let guarded = || all_keys(table).filter(|key| is_guarded(key, table, spec));
    let parts = |suffixes: [&'static str; 3]| {
        let own = guarded().map(|key| guard_table(table, &key.name));
        own.flat_map(move |own| suffixes.map(|suffix| derived(&own, suffix)))
            .collect()
    };
    GuardNames {
        relations: parts(["", MOVES, KEY]),
        functions: parts([KEEP, NOTE_MOVES, KEEP_TRUNCATE]),
    }
}

impl PlannedGuard {
    /// Functions that it adds.
    pub fn functions(&self) -> [&QualifiedName; 3] {
        [&self.keep, &self.note_moves, &self.keep_truncate]
    }
}

/// The table that keeps the key.
pub(super) fn guard_table(table: &Table, key: &Ident) -> QualifiedName {
    derived(&table.name.sibling(key.clone()), "_guard")
}

/// A guard for each key that the user wants guarded, or that a foreign key is to refer to.
pub(super) fn guards(table: &Table, spec: &TableSpec, row_key: &KeyColumns) -> Option<Vec<PlannedGuard>> {
    let guarded = all_keys(table).filter(|key| is_guarded(key, table, spec));
    guarded.map(|key| guard(table, key, row_key)).collect()
}

fn guard(table: &Table, key: &Key, row_key: &KeyColumns) -> Option<PlannedGuard> {
    let own = guard_table(table, &key.name);
    let mut columns: Vec<Ident> = Vec::new();
    let mut unique: Vec<(Ident, QualifiedOperator)> = Vec::new();
    let mut entry: Vec<Fragment> = Vec::new();
    let mut elements: Vec<Fragment> = Vec::new();
    let mut conditions: Vec<Fragment> = Vec::new();
    for (place, term) in key.terms.iter().enumerate() {
        let name = match &term.column {
            Some(column) => column.clone(),
            None => name_for_expression(table, place)?,
        };
        match &term.column {
            Some(column) => entry.push(Fragment::new("r.{}", &[column])),
            None => entry.push(Fragment::new("({}) AS {}", &[&term.expression, &name])),
        }
        let collation = term
            .collation
            .as_ref()
            .map_or_else(Fragment::default, |c| Fragment::new(" COLLATE {}", &[c]));
        elements.push(Fragment::new(
            "{}{} {}",
            &[&name, &collation, &term.operator_class],
        ));
        conditions.push(Fragment::new("({}) IS NOT NULL", &[&term.expression]));
        columns.push(name.clone());
        unique.push((name, term.equal.clone()));
    }
    for column in row_key.list().columns() {
        if !columns.contains(column) {
            entry.push(Fragment::new("r.{}", &[column]));
            columns.push(column.clone());
        }
    }
    conditions.extend(key.predicate.as_ref().map(|p| Fragment::new("({})", &[p])));
    let name = own.name.clone();
    let part = |suffix: &str| derived(&own, suffix);
    let key_name = derived(&own, KEY).name;
    let key_columns = KeyColumns::new(unique);
    let is_primary = table.primary_key.as_ref().is_some_and(|p| p.name == key.name);
    let add_key = match key.constraint {
        true => Fragment::new(
            if is_primary {
                "ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({})"
            } else {
                "ALTER TABLE {} ADD CONSTRAINT {} UNIQUE ({})"
            },
            &[
                &own,
                &key_name,
                &Fragment::list(key_columns.list().columns().iter().cloned()),
            ],
        ),
        false => Fragment::new(
            "CREATE UNIQUE INDEX {} ON {} USING btree ({})",
            &[&key_name, &own, &Fragment::list(elements)],
        ),
    };
    Some(PlannedGuard {
        key: key.name.clone(),
        moves: part(MOVES),
        keep: part(KEEP),
        note_moves: part(NOTE_MOVES),
        keep_truncate: part(KEEP_TRUNCATE),
        // Beside the server's own foreign key triggers, before the user's.
        trigger: trigger_name("RI_", &name)?,
        // Behind every BEFORE trigger of the user's, which may change the row.
        moves_trigger: trigger_name("~", &name)?,
        truncate_trigger: trigger_name("", &name)?,
        entry: Fragment::list(entry),
        filter: Fragment::joined(conditions, " AND "),
        columns: ColumnList::new(columns),
        key_columns,
        add_key,
        terms: Literal::new(terms(key)),
        comment: Literal::new(format!(
            "Keeps {} of {} unique over all partitions; filled by its triggers (pgcleave)",
            terms(key),
            table.name.plain()
        )),
        delete_where: Fragment::new("DELETE FROM {} WHERE ", &[&own]).literal(),
        table: own,
    })
}

/// Fitted into 63 bytes as the guard's own name is.
fn trigger_name(prefix: &str, guard: &Ident) -> Option<Ident> {
    let name = format!("{prefix}{}", guard.as_str());
    if name.len() <= crate::sql::MAX_IDENT_BYTES {
        return Ident::new(name).ok();
    }
    let anybody = QualifiedName::new(guard.clone(), guard.clone());
    let short = derived(&anybody, &"_".repeat(prefix.len())).name;
    Ident::new(format!("{prefix}{}", short.as_str().trim_end_matches('_'))).ok()
}

/// A column for an expression, of a name that no column of the table has.
fn name_for_expression(table: &Table, place: usize) -> Option<Ident> {
    let mut name = format!("key_{}", place + 1);
    while table.columns.iter().any(|c| c.name.as_str() == name) {
        name.push('_');
    }
    Ident::new(name).ok()
}
