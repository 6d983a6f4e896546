//! Columns that could be the partition key.

use serde::Serialize;

use super::bounds::KeyType;
use crate::model::{Column, ForeignKeyIn, Table};
use crate::sql::Ident;

/// A column of a date or time type, or the primary key's whole number or uuid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// The column's name.
    pub column: Ident,
    /// Its type as SQL (`format_type`).
    pub type_sql: String,
    /// Whether it is NOT NULL, without which it can't be in a primary key.
    pub not_null: bool,
    /// Whether the primary key holds it already.
    pub in_primary_key: bool,
    /// Whether an index begins with it.
    pub leads_an_index: bool,
    /// The primary key and unique keys that lack it, and so would have to change.
    pub keys_to_change: Vec<String>,
    /// Foreign keys of other tables that refer to such a key.
    pub incoming_to_change: Vec<String>,
}

/// Candidates, the likeliest first: times before whole numbers and uuids; in the primary key, NOT NULL, named
/// like a time of creation, indexed, then by position.
pub fn candidates(table: &Table) -> Vec<Candidate> {
    let could_be = |column: &&Column| {
        column.generated.is_none()
            && match KeyType::from_type_name(&column.base_type) {
                Some(KeyType::Date | KeyType::Timestamp | KeyType::Timestamptz) => true,
                Some(KeyType::Integer { .. } | KeyType::Uuid) => leads_the_primary_key(table, column),
                None => false,
            }
    };
    let mut found: Vec<(bool, Candidate)> = table
        .columns
        .iter()
        .filter(could_be)
        .map(|column| (is_time(column), candidate(table, column)))
        .collect();
    found.sort_by_key(|(is_time, c)| {
        let named = ["created", "occurred", "inserted", "logged"]
            .iter()
            .any(|w| c.column.as_str().contains(w));
        (
            !is_time,
            !c.in_primary_key,
            !c.not_null,
            !named,
            !c.leads_an_index,
        )
    });
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

fn candidate(table: &Table, column: &Column) -> Candidate {
    let keys = table.primary_key.iter().chain(&table.unique_keys);
    let lacking = keys.filter(|key| !key.columns.iter().any(|c| c.name == column.name));
    let incoming = table
        .foreign_keys_in
        .iter()
        .filter(|key| !refers_to(key, &column.name));
    Candidate {
        column: column.name.clone(),
        type_sql: column.type_sql.to_string(),
        not_null: column.not_null,
        in_primary_key: table
            .primary_key
            .iter()
            .any(|k| k.columns.iter().any(|c| c.name == column.name)),
        leads_an_index: leads_the_primary_key(table, column) || leads_an_index(table, &column.name),
        keys_to_change: lacking.map(|key| key.name.as_str().to_owned()).collect(),
        incoming_to_change: incoming
            .map(|key| format!("{} of {}", key.name.as_str(), key.table.plain()))
            .collect(),
    }
}

fn is_time(column: &Column) -> bool {
    let key_type = KeyType::from_type_name(&column.base_type);
    matches!(
        key_type,
        Some(KeyType::Date | KeyType::Timestamp | KeyType::Timestamptz)
    )
}

fn leads_the_primary_key(table: &Table, column: &Column) -> bool {
    let first = table.primary_key.as_ref().and_then(|key| key.columns.first());
    first.is_some_and(|first| first.name == column.name)
}

/// Whether the column is among those that the foreign key refers to.
fn refers_to(key: &ForeignKeyIn, column: &Ident) -> bool {
    let definition = key.definition.as_str();
    let behind = definition
        .split_once(" REFERENCES ")
        .map_or("", |(_, behind)| behind);
    let columns = behind.split_once('(').and_then(|(_, list)| list.split_once(')'));
    columns.is_some_and(|(list, _)| {
        list.split(", ")
            .any(|name| name == column.as_str() || name == column.to_string())
    })
}

fn leads_an_index(table: &Table, column: &Ident) -> bool {
    let (quoted, bare) = (format!("({column}"), format!("({}", column.as_str()));
    table.indexes.iter().any(|index| {
        let using = index.using.as_str();
        [&quoted, &bare].iter().any(|lead| {
            using
                .find(lead.as_str())
                .is_some_and(|at| using[at + lead.len()..].starts_with([',', ')', ' ']))
        })
    })
}
