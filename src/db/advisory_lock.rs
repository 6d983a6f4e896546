//! One run per table at a time.

use postgres::Client;

use crate::sql::QualifiedName;

/// Takes the table's advisory lock for the rest of the session; `false` when
/// another session has it (Explicit Locking, Advisory Locks).
///
/// # Errors
/// When the server can't be asked.
pub fn try_lock(client: &mut Client, table: &QualifiedName) -> Result<bool, postgres::Error> {
    let row = client.query_one(
        "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('pgcleave ' || $1, 0))",
        &[&table.to_string()],
    )?;
    Ok(row.get(0))
}
