//! One run from its seed to its figures.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::Result;
use pgcleave::server::Programs;

use crate::ddl;
use crate::drive::Driver;
use crate::journey::{End, Journey};
use crate::program::{Program, Said};
use crate::tally::Tally;
use crate::world::World;
use crate::{snapshots, writers};

/// Lines of the server's log that a report shows.
const LOG_TAIL: usize = 25;

/// What is left of a run.
pub struct Outcome {
    pub tally: Arc<Tally>,
    pub seconds: u64,
    pub told: String,
    pub table: String,
    pub last_words: String,
    pub log_tail: String,
}

/// Runs it; whatever goes wrong is in the outcome.
pub fn run(programs: &Programs, binary: &Path, seed: u64, fault_percent: u8, show: bool) -> Outcome {
    let mut outcome = Outcome {
        tally: Arc::default(),
        seconds: 0,
        told: String::new(),
        table: String::new(),
        last_words: String::new(),
        log_tail: String::new(),
    };
    let began = Instant::now();
    let tally = Arc::clone(&outcome.tally);
    // A panic of ours is a failure, and the server has to be stopped all the same.
    let done = panic::catch_unwind(AssertUnwindSafe(|| {
        let world = World::build(programs, seed, Arc::clone(&tally))?;
        outcome.table = describe(&world);
        if show {
            println!("{}", ddl::schema(&world.shape, &world.today));
        }
        live(&world, binary, fault_percent, &mut outcome)
    }));
    match done {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tally.complain("other failures", format!("{error:#}")),
        Err(_) => tally.complain("other failures", "the machine itself panicked; see above"),
    }
    tally.count("runs");
    outcome.seconds = began.elapsed().as_secs();
    if outcome.told.is_empty() {
        outcome.told = format!("{}; {}", tally.line(), outcome.table);
    }
    outcome
}

fn live(world: &Arc<World>, binary: &Path, fault_percent: u8, outcome: &mut Outcome) -> Result<()> {
    let program = Program::new(binary, world.program_url(), world.shape.table.typed())?;
    let mut threads = writers::start(world);
    threads.push(snapshots::watch(world));
    let mut journey = Journey::new(Driver::new(Arc::clone(world), program, fault_percent));
    let end = panic::catch_unwind(AssertUnwindSafe(|| journey.travel()));
    world.stop.store(true, Ordering::Relaxed);
    journey.driver.settle();
    for thread in threads {
        if thread.join().is_err() {
            world
                .tally
                .complain("other failures", "a thread of the machine panicked; see above");
        }
    }
    outcome.last_words = journey.driver.last.as_ref().map(Said::tell).unwrap_or_default();
    let log = world.server.log();
    find_deadlocks(world, &log);
    let lines: Vec<&str> = log.lines().collect();
    outcome.log_tail = lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n");
    match end {
        Ok(Ok(End::Refused(reason))) => {
            world.tally.count("schemas refused");
            outcome.told = format!("refused: {reason}");
        }
        Ok(Ok(End::Arrived)) => {}
        Ok(Err(error)) => return Err(error),
        Err(panic) => panic::resume_unwind(panic),
    }
    Ok(())
}

/// A deadlock that pgcleave had a part in is its failure, whoever was the victim.
fn find_deadlocks(world: &World, log: &str) {
    for block in log.split("deadlock detected").skip(1) {
        // The DETAIL names every process's statement; its further lines begin with a tab.
        let mut lines = block.lines().skip(1);
        let mut detail = lines.next().unwrap_or_default().to_owned();
        for line in lines.take_while(|line| line.starts_with('\t')) {
            detail.push_str(line);
        }
        if detail.contains("pgcleave") {
            let shown: String = detail.chars().take(1500).collect();
            world
                .tally
                .complain("application errors", format!("pgcleave in a deadlock: {shown}"));
        }
    }
}

fn describe(world: &World) -> String {
    let shape = &world.shape;
    format!(
        "{} ({} rows, {}, key {} in {} partitions{}, owned {}, triggers {:?}, account {}, children {})",
        shape.table.typed(),
        shape.rows,
        shape.primary.label,
        shape.key_type,
        shape.interval,
        if shape.key_in_primary {
            ", in the primary key"
        } else {
            ""
        },
        shape.owned,
        shape.triggers,
        shape.account.is_some(),
        shape.children.is_some()
    )
}
