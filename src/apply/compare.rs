//! Compares both tables by the function that the migrations installed.

use postgres::Client;
use serde::Serialize;

use super::failure::ApplyError;
use super::relations::Relations;

/// One partition's rows on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    pub partition: String,
    pub source_rows: i64,
    pub copy_rows: i64,
    /// Sums of 64-bit hashes of every row's text; decimal digits.
    pub source_sum: String,
    pub copy_sum: String,
}

impl Comparison {
    /// Same number of rows and same checksum.
    pub fn is_equal(&self) -> bool {
        self.source_rows == self.copy_rows && self.source_sum == self.copy_sum
    }
}

/// Both sides in one snapshot; takes no lock that blocks anybody.
///
/// # Errors
/// When the server can't be asked.
pub fn compare(client: &mut Client, relations: &Relations) -> Result<Vec<Comparison>, ApplyError> {
    let sql = format!(
        "SELECT partition, source_rows, copy_rows, source_sum::text, copy_sum::text FROM {}()",
        relations.compare
    );
    let rows = client.query(&sql, &[])?;
    let comparison = |row: &postgres::Row| Comparison {
        partition: row.get(0),
        source_rows: row.get(1),
        copy_rows: row.get(2),
        source_sum: row.get(3),
        copy_sum: row.get(4),
    };
    Ok(rows.iter().map(comparison).collect())
}
