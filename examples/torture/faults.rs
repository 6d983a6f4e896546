//! What goes wrong, at random moments, while a verb runs.

use std::process::Child;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use postgres::{Client, IsolationLevel};

use crate::world::{World, is_connection_error};

/// One mishap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    KillProgram,
    Interrupt,
    CrashServer,
    /// SIGKILL for the server's side of pgcleave: crash recovery.
    KillProgramBackend,
    KillWriterBackend,
    TerminateProgram,
    TerminateWriter,
    /// A transaction that has read or written the table stays open.
    HoldLock,
    HoldSnapshot,
    Vacuum,
    VacuumFull,
    Cluster,
    Analyze,
    Reindex,
}

const ALL: [(u8, Fault); 14] = [
    (14, Fault::KillProgram),
    (10, Fault::Interrupt),
    (8, Fault::CrashServer),
    (5, Fault::KillProgramBackend),
    (3, Fault::KillWriterBackend),
    (8, Fault::TerminateProgram),
    (6, Fault::TerminateWriter),
    (12, Fault::HoldLock),
    (8, Fault::HoldSnapshot),
    (5, Fault::Vacuum),
    (6, Fault::VacuumFull),
    (4, Fault::Cluster),
    (4, Fault::Analyze),
    (4, Fault::Reindex),
];

impl Fault {
    pub fn draw(rng: &mut Rng) -> Self {
        let total: u32 = ALL.iter().map(|(weight, _)| u32::from(*weight)).sum();
        let mut at = rng.u32(..total);
        for (weight, fault) in ALL {
            if at < u32::from(weight) {
                return fault;
            }
            at -= u32::from(weight);
        }
        Self::KillProgram
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::KillProgram => "fault: kill -9 of pgcleave",
            Self::Interrupt => "fault: Ctrl-C",
            Self::CrashServer => "fault: crash of the server",
            Self::KillProgramBackend => "fault: kill -9 of pgcleave's backend",
            Self::KillWriterBackend => "fault: kill -9 of a writer's backend",
            Self::TerminateProgram => "fault: pg_terminate_backend of pgcleave",
            Self::TerminateWriter => "fault: pg_terminate_backend of a writer",
            Self::HoldLock => "fault: lock holder",
            Self::HoldSnapshot => "fault: idle REPEATABLE READ transaction",
            Self::Vacuum => "fault: VACUUM",
            Self::VacuumFull => "fault: VACUUM FULL",
            Self::Cluster => "fault: CLUSTER",
            Self::Analyze => "fault: ANALYZE",
            Self::Reindex => "fault: REINDEX",
        }
    }

    /// Whether the server goes down with it.
    pub fn is_crash(self) -> bool {
        matches!(
            self,
            Self::CrashServer | Self::KillProgramBackend | Self::KillWriterBackend
        )
    }
}

/// Lets it happen; what takes time goes on beside the verb.
pub fn inject(
    world: &Arc<World>,
    fault: Fault,
    child: &mut Child,
    rng: &mut Rng,
) -> Result<Option<JoinHandle<()>>> {
    world.tally.count(fault.label());
    let pause = Duration::from_millis(rng.u64(50..3000));
    match fault {
        Fault::KillProgram => child.kill()?,
        Fault::Interrupt => kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT)?,
        Fault::CrashServer => world.crash(pause / 4)?,
        Fault::KillProgramBackend => end_session(world, "pgcleave", true)?,
        Fault::KillWriterBackend => end_session(world, "writer", true)?,
        Fault::TerminateProgram => end_session(world, "pgcleave", false)?,
        Fault::TerminateWriter => end_session(world, "writer", false)?,
        Fault::HoldLock | Fault::HoldSnapshot => {
            let (world, writes) = (Arc::clone(world), rng.bool());
            return Ok(Some(thread::spawn(move || {
                hold(&world, fault == Fault::HoldLock, writes, pause);
            })));
        }
        Fault::Vacuum | Fault::VacuumFull | Fault::Cluster | Fault::Analyze | Fault::Reindex => {
            let world = Arc::clone(world);
            return Ok(Some(thread::spawn(move || maintain(&world, fault))));
        }
    }
    Ok(None)
}

fn end_session(world: &World, name: &str, hard: bool) -> Result<()> {
    let mut client = world.connect("torture_faults")?;
    let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE $1 || '%'
               ORDER BY random() LIMIT 1";
    let Some(row) = client.query_opt(sql, &[&name])? else {
        return Ok(());
    };
    let pid: i32 = row.get(0);
    world.breaks();
    if hard {
        // It may have ended since; then this fault is none.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        // A new session must not slip in before the crash is noticed.
        thread::sleep(Duration::from_millis(50));
        drop(world.connect("torture_faults")?);
        world.breaks();
    } else {
        client.execute("SELECT pg_terminate_backend($1)", &[&pid])?;
    }
    Ok(())
}

fn hold(world: &World, by_lock: bool, writes: bool, pause: Duration) {
    let held = || -> Result<(), postgres::Error> {
        let Ok(mut client) = world.connect("torture_holder") else {
            return Ok(());
        };
        let level = if by_lock {
            IsolationLevel::ReadCommitted
        } else {
            IsolationLevel::RepeatableRead
        };
        let mut transaction = client.build_transaction().isolation_level(level).start()?;
        let table = &world.shape.table;
        match (by_lock, writes) {
            (true, true) => transaction.batch_execute(&format!("DELETE FROM {table} WHERE false"))?,
            (true, false) => transaction.batch_execute(&format!("SELECT 1 FROM {table} LIMIT 1"))?,
            (false, _) => transaction.batch_execute("SELECT 1")?,
        }
        thread::sleep(pause);
        transaction.rollback()
    };
    tolerate(world, "lock holder", held());
}

fn maintain(world: &World, fault: Fault) {
    let done = || -> Result<(), postgres::Error> {
        let Ok(mut client) = world.connect("torture_maintenance") else {
            return Ok(());
        };
        // REINDEX deadlocks with writers by itself; then it is the one to give way.
        client.batch_execute("SET lock_timeout = '4s'; SET deadlock_timeout = '100ms'")?;
        let table = &world.shape.table;
        let sql = match fault {
            Fault::VacuumFull => format!("VACUUM FULL {table}"),
            Fault::Analyze => format!("ANALYZE {table}"),
            Fault::Reindex => format!("REINDEX TABLE {table}"),
            Fault::Cluster => cluster(&mut client, world)?,
            _ => format!("VACUUM {table}"),
        };
        client.batch_execute(&sql)
    };
    tolerate(world, fault.label(), done());
}

/// By any index that it can be done by; then the mark is taken off again.
fn cluster(client: &mut Client, world: &World) -> Result<String, postgres::Error> {
    let table = &world.shape.table;
    let row = client.query_opt(
        "SELECT quote_ident(relname) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
         WHERE indrelid = to_regclass($1) AND indisprimary AND relkind = 'i'",
        &[&table.to_string()],
    )?;
    Ok(match row {
        Some(row) => format!(
            "CLUSTER {table} USING {}; ALTER TABLE {table} SET WITHOUT CLUSTER",
            row.get::<_, String>(0)
        ),
        None => format!("VACUUM {table}"),
    })
}

/// Its own troubles are no finding: it gives way to everybody.
fn tolerate(world: &World, what: &str, done: Result<(), postgres::Error>) {
    if let Err(error) = done
        && error.as_db_error().is_some()
        && !error.code().is_some_and(is_connection_error)
    {
        world
            .tally
            .count(&format!("gave way: {}", what.trim_start_matches("fault: ")));
    }
}
