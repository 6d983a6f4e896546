//! Names that are taken in a schema.

use std::collections::BTreeSet;

use postgres::Transaction;

use super::CatalogError;
use super::ask::{ask, question};
use super::load::sole_column;
use crate::sql::Ident;

/// Names that a new relation of the schema can't have.
///
/// # Errors
/// When the query fails.
pub fn names_in_use(tx: &mut Transaction<'_>, schema: &Ident) -> Result<BTreeSet<Ident>, CatalogError> {
    let answers = ask(tx, question!("names_in_use"), &[&schema.as_str()])?;
    Ok(sole_column(&answers, "name")?.into_iter().collect())
}

/// Names of the schema's functions and procedures.
///
/// # Errors
/// When the query fails.
pub fn function_names_in_use(
    tx: &mut Transaction<'_>,
    schema: &Ident,
) -> Result<BTreeSet<Ident>, CatalogError> {
    let answers = ask(tx, question!("function_names_in_use"), &[&schema.as_str()])?;
    Ok(sole_column(&answers, "name")?.into_iter().collect())
}
