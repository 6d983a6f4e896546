//! How a table is partitioned already.

use postgres::GenericClient;

use super::CatalogError;
use super::ask::{Answer, ask, question};
use crate::sql::QualifiedName;

/// Partitioning at one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionedBy {
    /// range, list or hash.
    pub strategy: String,
    /// `None` is an expression.
    pub columns: Vec<Option<String>>,
}

/// How a table is partitioned, and behind it its partitions; empty where it isn't.
///
/// # Errors
/// When the query fails.
pub fn partitioned_by(
    client: &mut impl GenericClient,
    table: &QualifiedName,
) -> Result<Vec<PartitionedBy>, CatalogError> {
    let answers = ask(client, question!("partitioned_by"), &[&table.to_string()])?;
    let level = |answer: &Answer| {
        Ok(PartitionedBy {
            strategy: answer.value("strategy")?,
            columns: answer.value("columns")?,
        })
    };
    answers.iter().map(level).collect()
}
