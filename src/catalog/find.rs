//! Finds tables by the names that users type.

use postgres::{GenericClient, Transaction};

use super::CatalogError;
use super::ask::{ask, ask_one, question};
use crate::model::RelationKind;
use crate::sql::{Ident, QualifiedName};

/// How many near names a message offers.
const NEAR_NAMES: usize = 3;

/// A table that the wizard offers.
#[derive(Debug, Clone, PartialEq)]
pub struct TableEntry {
    /// Schema-qualified, as the catalog has it.
    pub name: QualifiedName,
    /// `pg_table_size`.
    pub table_bytes: i64,
    /// `pg_class.reltuples`; -1 where never analysed.
    pub estimated_rows: f64,
}

/// Finds the one table, view or the like that a name stands for.
///
/// Without a schema, all schemas but the server's own are searched: sessions of
/// pgcleave pin `search_path`, so the user's isn't known.
///
/// # Errors
/// When there is none, with near names, or more than one.
pub fn find_table(
    client: &mut impl GenericClient,
    schema: Option<&Ident>,
    name: &Ident,
) -> Result<QualifiedName, CatalogError> {
    let in_schema = schema.map(Ident::as_str);
    let answers = ask(client, question!("find_relation"), &[&in_schema, &name.as_str()])?;
    let schemas = super::load::sole_column(&answers, "schema")?;
    let mut found = schemas
        .into_iter()
        .map(|schema| QualifiedName::new(schema, name.clone()))
        .collect::<Vec<_>>();
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            found.push(last);
            Err(CatalogError::Ambiguous {
                name: name.clone(),
                candidates: found,
            })
        }
        (None, _) => Err(CatalogError::NotFound {
            name: schema.map_or_else(
                || name.as_str().to_owned(),
                |schema| QualifiedName::new(schema.clone(), name.clone()).plain(),
            ),
            near: near_names(&table_names(client)?, name),
        }),
    }
}

/// A table that another program keeps: the one that its sessions find first, by the role's own `search_path`, or the only
/// one of its name.
///
/// # Errors
/// When the query fails.
pub fn find_others_table(
    client: &mut impl GenericClient,
    schema: Option<&str>,
    name: &str,
) -> Result<Option<QualifiedName>, CatalogError> {
    let answers = ask(client, question!("others_table"), &[&schema, &name])?;
    let Some(first) = answers.first() else {
        return Ok(None);
    };
    let is_known = answers.len() == 1 || first.value("is_on_path")?;
    is_known
        .then(|| first.qualified_name("schema", "name"))
        .transpose()
}

/// The object id and kind of a relation, where it exists.
///
/// # Errors
/// When the query fails or the kind is unknown.
pub fn relation_kind(
    client: &mut impl GenericClient,
    name: &QualifiedName,
) -> Result<Option<(u32, RelationKind)>, CatalogError> {
    let parameters: [&(dyn postgres::types::ToSql + Sync); 2] = [&name.schema.as_str(), &name.name.as_str()];
    let Some(answer) = ask_one(client, question!("relation_kind"), &parameters)? else {
        return Ok(None);
    };
    let kind = answer.code("kind", "pg_class.relkind", RelationKind::from_catalog_code)?;
    Ok(Some((answer.value("oid")?, kind)))
}

/// Lists ordinary tables of users, by name.
///
/// # Errors
/// When the query fails.
pub fn list_tables(tx: &mut Transaction<'_>) -> Result<Vec<TableEntry>, CatalogError> {
    let answers = ask(tx, question!("list_tables"), &[])?;
    let entries = answers.iter().map(|answer| {
        Ok(TableEntry {
            name: answer.qualified_name("schema", "name")?,
            table_bytes: answer.value("table_bytes")?,
            estimated_rows: answer.value("estimated_rows")?,
        })
    });
    entries.collect()
}

fn table_names(client: &mut impl GenericClient) -> Result<Vec<QualifiedName>, CatalogError> {
    let answers = ask(client, question!("table_names"), &[])?;
    answers
        .iter()
        .map(|answer| answer.qualified_name("schema", "name"))
        .collect()
}

/// The names nearest to the one asked for: the same in another schema or another
/// case first, then those with few letters changed.
fn near_names(names: &[QualifiedName], wanted: &Ident) -> Vec<QualifiedName> {
    let wanted = wanted.as_str().to_lowercase();
    let limit = (wanted.chars().count() / 3).max(1);
    let distances = names
        .iter()
        .map(|name| (edit_distance(&name.name.as_str().to_lowercase(), &wanted), name));
    let mut near = distances
        .filter(|(distance, _)| *distance <= limit)
        .collect::<Vec<_>>();
    near.sort();
    near.into_iter()
        .take(NEAR_NAMES)
        .map(|(_, name)| name.clone())
        .collect()
}

/// How many letters must be added, left out or changed (Levenshtein).
fn edit_distance(a: &str, b: &str) -> usize {
    let b = b.chars().collect::<Vec<_>>();
    let mut row = (0..=b.len()).collect::<Vec<_>>();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for j in 0..b.len() {
            let changed = diagonal + usize::from(letter != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> QualifiedName {
        let (schema, name) = QualifiedName::parse(text).unwrap();
        QualifiedName::new(schema.unwrap(), name)
    }

    #[test]
    fn counts_changed_letters() {
        assert_eq!(edit_distance("events", "events"), 0);
        assert_eq!(edit_distance("event", "events"), 1);
        assert_eq!(edit_distance("evnets", "events"), 2);
        assert_eq!(edit_distance("", "abc"), 3);
    }

    #[test]
    fn offers_the_nearest_names_first() {
        let names = [
            name("public.orders"),
            name("public.evnets"),
            name("app.\"Events\""),
        ];
        let wanted = Ident::new("events").unwrap();
        assert_eq!(
            near_names(&names, &wanted),
            [name("app.\"Events\""), name("public.evnets")]
        );
    }
}
