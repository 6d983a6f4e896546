//! Mends differing keys by reading them again from the side that leads.

use std::thread;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::{Client, IsolationLevel};

use super::{Difference, Subject};
use crate::apply::failure::ApplyError;

/// A key that writers change all the while is tried so often.
const MAX_TRIES: u32 = 50;

/// Brings every key of the differences to what the leading side holds now, a transaction each.
///
/// # Errors
/// When the server says no; the keys before that one are mended.
pub fn repair(
    client: &mut Client,
    subject: &Subject,
    differences: &[Difference],
) -> Result<usize, ApplyError> {
    for difference in differences {
        repair_key(client, subject, &difference.key)?;
    }
    Ok(differences.len())
}

/// REPEATABLE READ, so that a writer's concurrent change is an error to be retried, not a row made wrong.
fn repair_key(client: &mut Client, subject: &Subject, key: &str) -> Result<(), ApplyError> {
    let sql = format!(
        "SELECT {}($1::text::{})",
        subject.relations.repair, subject.relations.log
    );
    let mut attempt = 0;
    loop {
        attempt += 1;
        let mut transaction = client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()?;
        let result = transaction
            .execute(&sql, &[&key])
            .and_then(|_| transaction.commit());
        match result {
            Ok(()) => return Ok(()),
            Err(error) if attempt < MAX_TRIES && is_passing(&error) => {
                thread::sleep(Duration::from_millis(20 * u64::from(attempt)));
            }
            Err(error) => return Err(ApplyError::step("repair", &error)),
        }
    }
}

fn is_passing(error: &postgres::Error) -> bool {
    [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
        SqlState::LOCK_NOT_AVAILABLE,
    ]
    .iter()
    .any(|state| error.code() == Some(state))
}
