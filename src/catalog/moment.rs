//! Small questions about now: the server's date, how many partitions there are.

use chrono::NaiveDate;
use postgres::{GenericClient, Transaction};

use super::CatalogError;
use super::ask::{ask_one, question};
use crate::sql::QualifiedName;

/// The server's date in a time zone.
///
/// # Errors
/// When the query fails, for instance for an unknown zone.
pub fn today(tx: &mut Transaction<'_>, time_zone: &str) -> Result<NaiveDate, CatalogError> {
    let answer = ask_one(tx, question!("today"), &[&time_zone])?;
    let text: String = answer.map_or(Ok(String::new()), |answer| answer.value("today"))?;
    text.parse()
        .map_err(|_| CatalogError::unknown("the server's date", &text))
}

/// Partitions of a table, the default partition with them; 0 where there is no such table.
///
/// # Errors
/// When the query fails.
pub fn count_partitions(client: &mut impl GenericClient, table: &QualifiedName) -> Result<i64, CatalogError> {
    let answer = ask_one(client, question!("count_partitions"), &[&table.to_string()])?;
    answer.map_or(Ok(0), |answer| answer.value("partitions"))
}
