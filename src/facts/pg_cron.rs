//! What is missing for pg_cron to copy.

use postgres::{Client, Transaction};

use crate::catalog::{self, CatalogError};
use crate::plan::Problem;

/// What keeps this database's pg_cron from copying, rights apart.
pub(crate) fn obstacles(snapshot: &mut Transaction<'_>) -> Result<Vec<Problem>, CatalogError> {
    let elsewise = "or let somebody else copy: --copy manual, --copy inline";
    let Some(found) = catalog::load_pg_cron(snapshot)? else {
        return Ok(vec![Problem::blocker(
            "this database hasn't the extension pg_cron",
            format!(
                "CREATE EXTENSION pg_cron, which goes into one database only, that of cron.database_name; {elsewise}"
            ),
        )]);
    };
    let mut problems = Vec::new();
    if !found.loaded {
        problems.push(Problem::blocker(
            "the server doesn't run pg_cron",
            format!("add it to shared_preload_libraries (needs a restart); {elsewise}"),
        ));
    }
    if found.too_old {
        problems.push(Problem::blocker(
            format!("pg_cron {} is older than 1.4", found.version),
            format!("ALTER EXTENSION pg_cron UPDATE, once the server has a newer one; {elsewise}"),
        ));
    } else if found.workers_block {
        problems.push(Problem::note(
            format!(
                "pg_cron {} starts no other job while one runs in a background worker (cron.use_background_workers)",
                found.version
            ),
            "the copy's runs take up to 59 s of each minute: where other jobs can't wait so long, take pg_cron 1.5, or its connections instead",
        ));
    }
    Ok(problems)
}

/// The right that is missing to have it copy.
pub(crate) fn missing_right(client: &mut Client) -> Result<Option<Problem>, CatalogError> {
    let found = catalog::load_pg_cron(&mut catalog::snapshot(client)?)?;
    Ok(found.filter(|found| !found.usable).map(|_| {
        Problem::blocker(
            "the role may not use pg_cron's schema",
            "GRANT USAGE ON SCHEMA cron TO it",
        )
    }))
}
