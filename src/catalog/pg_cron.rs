//! The extension pg_cron, where the database has it.

use postgres::Transaction;

use super::CatalogError;
use super::ask::{ask_one, question};

/// What of pg_cron can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgCron {
    pub version: String,
    /// Older than 1.4, the first whose jobs are named by text.
    pub too_old: bool,
    /// Older than 1.5: in background workers it starts no other job while one runs.
    pub workers_block: bool,
    /// The role has USAGE on its schema.
    pub usable: bool,
    /// The server runs it; true, too, where the role can't see that.
    pub loaded: bool,
}

/// Reads what of pg_cron can be used; `None` where this database hasn't the extension.
///
/// # Errors
/// When the query fails.
pub fn load_pg_cron(tx: &mut Transaction<'_>) -> Result<Option<PgCron>, CatalogError> {
    let Some(answer) = ask_one(tx, question!("pg_cron"), &[])? else {
        return Ok(None);
    };
    Ok(Some(PgCron {
        version: answer.value("version")?,
        too_old: answer.value("too_old")?,
        workers_block: answer.value("workers_block")?,
        usable: answer.value("usable")?,
        loaded: answer.value("loaded")?,
    }))
}
