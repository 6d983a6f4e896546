//! Columns that could be the partition key.

use serde::Serialize;

use super::bounds::KeyType;
use crate::model::Table;
use crate::sql::Ident;

/// A column of a date or time type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    pub column: Ident,
    pub type_sql: String,
    /// Whether it is NOT NULL, without which it can't be in a primary key.
    pub not_null: bool,
    /// Whether the primary key holds it already.
    pub in_primary_key: bool,
    /// Whether an index begins with it.
    pub leads_an_index: bool,
}

/// Candidates, the likeliest first: in the primary key, NOT NULL, indexed, named
/// like a time of creation, then by position.
pub fn candidates(table: &Table) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = table
        .columns
        .iter()
        .filter(|c| KeyType::from_type_name(&c.base_type).is_some() && c.generated.is_none())
        .map(|column| Candidate {
            column: column.name.clone(),
            type_sql: column.type_sql.to_string(),
            not_null: column.not_null,
            in_primary_key: table
                .primary_key
                .iter()
                .any(|k| k.columns.iter().any(|c| c.name == column.name)),
            leads_an_index: leads_an_index(table, &column.name),
        })
        .collect();
    found.sort_by_key(|c| {
        let named = ["created", "occurred", "inserted", "logged"]
            .iter()
            .any(|w| c.column.as_str().contains(w));
        (!c.in_primary_key, !c.not_null, !named, !c.leads_an_index)
    });
    found
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
