//! Which constraints that aren't validated some row violates.

use postgres::Transaction;

use super::CatalogError;
use crate::model::{Check, NotNull, Table};
use crate::sql::Fragment;

/// Looks for rows that violate a check or NOT NULL that isn't validated: one pass
/// over the table where there is such a constraint, none otherwise.
///
/// No new ones can come: the constraint holds for whatever is written.
///
/// # Errors
/// When the query fails, e.g. in a function that a check calls.
pub fn load_violations(tx: &mut Transaction<'_>, table: &mut Table) -> Result<(), CatalogError> {
    let conditions: Vec<Fragment> = unvalidated_checks(&mut table.checks)
        .map(|check| any_row(&Fragment::new("NOT ({})", &[&check.condition])))
        .chain(unvalidated_not_nulls(&mut table.not_nulls).map(|not_null| {
            any_row(&Fragment::new(
                "pg_catalog.num_nulls({}) > 0",
                &[&not_null.column],
            ))
        }))
        .collect();
    if conditions.is_empty() {
        return Ok(());
    }
    let statement = Fragment::new(
        "SELECT {} FROM ONLY {}",
        &[&Fragment::list(conditions), &table.name],
    );
    let failed = |source| CatalogError::query("violations", source);
    let row = tx.query_one(statement.as_str(), &[]).map_err(failed)?;
    let flags = unvalidated_checks(&mut table.checks)
        .map(|check| &mut check.violated)
        .chain(unvalidated_not_nulls(&mut table.not_nulls).map(|not_null| &mut not_null.violated));
    for (place, violated) in flags.enumerate() {
        *violated = row.try_get(place).map_err(failed)?;
    }
    Ok(())
}

fn any_row(violates: &Fragment) -> Fragment {
    Fragment::new("coalesce(pg_catalog.bool_or({}), false)", &[violates])
}

fn unvalidated_checks(checks: &mut [Check]) -> impl Iterator<Item = &mut Check> {
    checks
        .iter_mut()
        .filter(|check| check.enforced && !check.validated)
}

fn unvalidated_not_nulls(not_nulls: &mut [NotNull]) -> impl Iterator<Item = &mut NotNull> {
    not_nulls.iter_mut().filter(|not_null| !not_null.validated)
}
