//! The table of marks: every transaction writes its number there, so that a lost COMMIT can be looked up.
//!
//! Not `pg_xact_status`: a transaction's id that never reached the disk is given again after a crash.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::tally::lock;
use crate::world::{World, is_connection_error, said};

/// A writer's mark, as committed; the row's lock waits for a session that is still busy committing.
pub fn read(world: &World, writer: usize) -> Result<i64> {
    let sql = format!(
        "SELECT n FROM {} WHERE writer = {writer} FOR UPDATE",
        world.shape.beside("marks")
    );
    let mut last = anyhow!("never asked");
    for _ in 0..40 {
        match world.connect("torture_marks")?.query_one(&sql, &[]) {
            Ok(row) => return Ok(row.get(0)),
            // The next fault.
            Err(error) => last = anyhow!("the marks can't be read: {}", said(&error)),
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err(last)
}

/// Empties the table, with all writers held.
pub fn truncate(world: &World) -> Result<()> {
    if world.shape.children.is_some() {
        return Ok(());
    }
    let _alone = world.pause.write().unwrap_or_else(|e| e.into_inner());
    world.truncations.fetch_add(1, Ordering::SeqCst);
    // The one behind the writers'.
    let number = world.ledgers.len();
    let before = read(world, number)?;
    let sql = format!(
        "BEGIN; TRUNCATE {}; UPDATE {} SET n = n + 1 WHERE writer = {number}; COMMIT",
        world.shape.table,
        world.shape.beside("marks")
    );
    let mut client = world.connect("torture_truncate")?;
    if let Err(error) = client.batch_execute(&sql) {
        let broken = client.is_closed() || error.code().is_some_and(is_connection_error);
        if !broken {
            return Err(anyhow!("TRUNCATE: {}", said(&error)));
        }
        if read(world, number)? == before {
            return Ok(());
        }
    }
    for books in &world.ledgers {
        for rows in lock(books).values_mut() {
            rows.retain(|_, row| row.table != 't');
        }
    }
    world.tally.count("TRUNCATEs");
    Ok(())
}
