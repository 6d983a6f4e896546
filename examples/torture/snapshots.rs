//! A watcher that looks at both sides in one snapshot, and at one snapshot twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use postgres::{Client, IsolationLevel, Transaction};

use crate::guards;
use crate::shape::Shape;
use crate::world::World;

/// Watches until the run is over.
pub fn watch(world: &Arc<World>) -> JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || {
        let mut rng = Rng::with_seed(world.seed ^ 0x5eed);
        while !world.is_over() {
            thread::sleep(Duration::from_millis(rng.u64(50..700)));
            let looked = if rng.u8(..3) == 0 {
                straddle(&world, Duration::from_millis(rng.u64(100..2500)))
            } else {
                compare_once(&world).map(drop)
            };
            if looked.is_err() {
                // Faults and lock timeouts: a look that failed has seen nothing.
                world.tally.count("snapshots not taken");
            }
        }
    })
}

/// Both sides in one REPEATABLE READ snapshot; whether there were two sides in step.
pub fn compare_once(world: &World) -> Result<bool> {
    let mut client = world.connect("torture_watcher")?;
    // Shorter than deadlock_timeout: the watcher gives way before anybody else has to.
    client.batch_execute("SET lock_timeout = '400ms'")?;
    let mut transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()?;
    let table = &world.shape.table;
    // Locked before the first snapshot: the names can't change under it.
    transaction.batch_execute(&format!("LOCK TABLE {table} IN ACCESS SHARE MODE"))?;
    let Some(other) = other_side(&mut transaction, &world.shape)? else {
        return Ok(false);
    };
    if world.odd_structure.load(Ordering::SeqCst) {
        return Ok(false);
    }
    let row = transaction.query_one(
        &format!(
            "WITH here AS MATERIALIZED (SELECT rw::text AS t FROM {table} AS rw), there AS MATERIALIZED (SELECT rw::text AS t FROM {other} AS rw),
                  only_here AS (SELECT t FROM here EXCEPT ALL SELECT t FROM there), only_there AS (SELECT t FROM there EXCEPT ALL SELECT t FROM here)
             SELECT (SELECT count(*) FROM only_here), (SELECT count(*) FROM only_there), (SELECT left(min(t), 300) FROM only_here), (SELECT left(min(t), 300) FROM only_there)"
        ),
        &[],
    )?;
    let (here, there): (i64, i64) = (row.get(0), row.get(1));
    guards::compare(&mut transaction, world, "both sides in step")?;
    world.tally.count("snapshots compared");
    if here + there > 0 {
        let examples: [Option<String>; 2] = [row.get(2), row.get(3)];
        world.tally.complain(
            "snapshot differences",
            format!("{here} rows only in {table}, {there} only in {other}: {examples:?}"),
        );
    }
    Ok(true)
}

/// For a while after the drop, when nothing but the guards follows the table.
pub fn watch_guards(world: &World) -> Result<()> {
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(100));
        let mut client = world.connect("torture_watcher")?;
        let mut transaction = client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()?;
        if guards::compare(&mut transaction, world, "after the drop").is_err() {
            world.tally.count("snapshots not taken");
        }
    }
    Ok(())
}

/// The copy in step, or the retired table.
fn other_side(transaction: &mut Transaction<'_>, shape: &Shape) -> Result<Option<String>, postgres::Error> {
    let named =
        "SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                 WHERE nspname = $1 AND relname LIKE $2 AND relkind IN ('r', 'p')";
    let schema = shape.table.schema.as_str();
    let mut find = |suffix: &str| -> Result<Option<String>, postgres::Error> {
        let row = transaction.query_opt(named, &[&schema, &format!("%\\_pgcleave\\_{suffix}")])?;
        Ok(row.map(|row| row.get(0)))
    };
    let (copy, retired, state) = (find("copy")?, find("retired")?, find("state")?);
    let Some(state) = state else { return Ok(None) };
    let in_step = transaction.query_opt(&format!("SELECT FROM {state} WHERE switch_xid IS NOT NULL"), &[])?;
    if in_step.is_none() {
        return Ok(None);
    }
    let other = retired.or(copy);
    if let Some(other) = &other {
        transaction.batch_execute(&format!("LOCK TABLE {other} IN ACCESS SHARE MODE"))?;
    }
    Ok(other)
}

/// An application's old snapshot must show the same rows whatever happens to the table meanwhile.
fn straddle(world: &World, pause: Duration) -> Result<()> {
    let (truncations, oddities) = changes(world);
    let was_odd = world.odd_structure.load(Ordering::SeqCst);
    let (mut holder, mut reader) = (
        world.connect("torture_watcher")?,
        world.connect("torture_watcher")?,
    );
    let mut old = holder
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()?;
    let snapshot: String = old.query_one("SELECT pg_export_snapshot()", &[])?.get(0);
    let before = sum_in(&mut reader, &snapshot, &world.shape)?;
    thread::sleep(pause);
    let after = sum(&mut old, &world.shape)?;
    old.rollback()?;
    let excused = was_odd || (truncations, oddities) != changes(world);
    world.tally.count("snapshots read twice");
    if before != after && !excused {
        world.tally.complain(
            "snapshot differences",
            format!(
                "one snapshot, read twice, {} ms apart: (rows, hash) {before:?}, then {after:?}",
                pause.as_millis()
            ),
        );
    }
    Ok(())
}

/// What an old snapshot isn't safe from, with or without us: TRUNCATEs and changes of structure so far.
fn changes(world: &World) -> (u64, u64) {
    (
        world.truncations.load(Ordering::SeqCst),
        world.oddities.load(Ordering::SeqCst),
    )
}

fn sum_in(client: &mut Client, snapshot: &str, shape: &Shape) -> Result<(i64, String), postgres::Error> {
    let mut transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()?;
    transaction.batch_execute(&format!("SET TRANSACTION SNAPSHOT '{snapshot}'"))?;
    sum(&mut transaction, shape)
}

fn sum(transaction: &mut Transaction<'_>, shape: &Shape) -> Result<(i64, String), postgres::Error> {
    let sql = format!(
        "SELECT count(*), coalesce(sum(hashtextextended(rw::text, 0)::numeric), 0)::text FROM {} AS rw",
        shape.table
    );
    transaction
        .query_one(&sql, &[])
        .map(|row| (row.get(0), row.get(1)))
}
