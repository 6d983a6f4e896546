//! Reads the live server: one short function and one static `queries/*.sql` per
//! question, all in one read-only snapshot.
//!
//! How many queries are sent never depends on what the table holds.

mod ask;
mod constraints;
mod dependents;
mod failure;
mod find;
mod indexes;
mod key_range;
mod load;
mod moment;
mod names;
mod partitioned_by;
mod pg_cron;
mod privileges;
mod surroundings;
mod violations;

pub use failure::CatalogError;
pub use find::{TableEntry, find_others_table, find_table, list_tables, relation_kind};
pub use key_range::load_key_range;
pub use load::{load_fingerprint, load_measures, load_table};
pub use names::{function_names_in_use, names_in_use};
pub use privileges::{MissingRight, Privileges, load_privileges, lock_table_capacity};

pub(crate) use key_range::{ValueOrder, load_key_has_null, load_key_values, load_value_order};
pub(crate) use moment::{count_partitions, today};
pub(crate) use partitioned_by::{PartitionedBy, partitioned_by};
pub(crate) use pg_cron::load_pg_cron;
pub(crate) use violations::load_violations;

use postgres::{Client, IsolationLevel, Transaction};

/// Computes [`crate::model::Table::fingerprint`] of the relation `$1`; the
/// migrations install the same text in a function.
pub const FINGERPRINT_SQL: &str = include_str!("queries/fingerprint.sql");

/// Settings that decide how the server prints names and constants.
///
/// The fingerprint function has to run under the same ones.
pub const PRINT_SETTINGS: [(&str, &str); 7] = [
    ("search_path", "pg_catalog, pg_temp"),
    ("TimeZone", "'UTC'"),
    ("DateStyle", "'ISO, MDY'"),
    ("IntervalStyle", "'postgres'"),
    ("extra_float_digits", "1"),
    ("bytea_output", "'hex'"),
    ("quote_all_identifiers", "off"),
];

/// Begins a read-only transaction in which every query sees the same moment.
///
/// Names print with their schema, constants the same for every user, and a
/// policy that would hide rows is an error.
///
/// # Errors
/// When the server refuses.
pub fn snapshot(client: &mut Client) -> Result<Transaction<'_>, CatalogError> {
    let failed = |source| CatalogError::query("snapshot", source);
    let repeatable = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead);
    let mut tx = repeatable.read_only(true).start().map_err(failed)?;
    let mut settings = String::from("SET LOCAL row_security = off; SET LOCAL lock_timeout = '5s';");
    for (name, value) in PRINT_SETTINGS {
        settings.push_str(&format!("SET LOCAL {name} = {value};"));
    }
    tx.batch_execute(&settings).map_err(failed)?;
    Ok(tx)
}
