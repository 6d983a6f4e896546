//! Somebody changes the table's structure in mid-conversion, and pgcleave has to notice.

use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use fastrand::Rng;

use crate::drive::Driver;
use crate::program::{Said, words};
use crate::shape::Shape;
use crate::world::{World, said};

/// A change that can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Column,
    Index,
    Check,
    Default,
    /// The sync trigger is off for a moment: nothing shows it afterwards but `xmin`. After it, the
    /// conversion has to begin again.
    SyncOff,
}

impl Change {
    /// One of those that this moment allows.
    pub fn draw(rng: &mut Rng, has_sync: bool) -> Self {
        let all = [
            Self::Column,
            Self::Index,
            Self::Check,
            Self::Default,
            Self::SyncOff,
        ];
        all[rng.usize(..if has_sync { 5 } else { 4 })]
    }

    fn label(self) -> &'static str {
        match self {
            Self::Column => "fault: ADD COLUMN",
            Self::Index => "fault: CREATE INDEX",
            Self::Check => "fault: ADD CHECK",
            Self::Default => "fault: SET DEFAULT",
            Self::SyncOff => "fault: sync trigger switched off and on",
        }
    }

    /// What is done, and what undoes it.
    fn sql(self, shape: &Shape) -> (String, String) {
        let table = &shape.table;
        let index = shape.beside("torture_index");
        let alter = |action: &str| format!("ALTER TABLE {table} {action}");
        match self {
            Self::Column => (
                alter("ADD COLUMN torture_column int"),
                alter("DROP COLUMN torture_column"),
            ),
            Self::Index => (
                format!("CREATE INDEX torture_index ON {table} ({})", shape.note),
                format!("DROP INDEX {index}"),
            ),
            Self::Check => (
                alter(&format!(
                    "ADD CONSTRAINT torture_check CHECK ({} > -5)",
                    shape.number
                )),
                alter("DROP CONSTRAINT torture_check"),
            ),
            Self::Default => (
                alter(&format!("ALTER COLUMN {} SET DEFAULT 'torture'", shape.note)),
                alter(&format!("ALTER COLUMN {} DROP DEFAULT", shape.note)),
            ),
            Self::SyncOff => (
                alter("DISABLE TRIGGER pgcleave_sync"),
                alter("ENABLE ALWAYS TRIGGER pgcleave_sync"),
            ),
        }
    }
}

/// Makes the change, runs the next step, which must refuse, and undoes the change.
///
/// True when the conversion has to begin again.
pub fn provoke(driver: &mut Driver, change: Change, step: &str) -> Result<bool> {
    let world = std::sync::Arc::clone(&driver.world);
    world.tally.count(change.label());
    // A column too many, and the default of a column, show in the rows: nobody may write meanwhile.
    let held = matches!(change, Change::Column | Change::Default);
    let _alone = held.then(|| world.pause.write().unwrap_or_else(|e| e.into_inner()));
    world.set_odd(true);
    let (make, undo) = change.sql(&world.shape);
    alter(&world, &make)?;
    if change == Change::SyncOff {
        alter(&world, &undo)?;
    }
    let through = if change == Change::SyncOff {
        "cut_over"
    } else {
        step
    };
    let arguments = words(&["apply", &driver.program.table, "--yes", "--through", through]);
    let answer = refusal(driver, &arguments);
    if change != Change::SyncOff {
        alter(&world, &undo)?;
    }
    // With the trigger off, the copy has missed something; until it is made anew, nobody may compare.
    world.set_odd(change == Change::SyncOff);
    let answer = answer?;
    // verify_copy sees that the copy differs before anybody asks why.
    let words: &[&str] = match change {
        Change::SyncOff => &["switched off", "source and copy differ"],
        Change::Column | Change::Index | Change::Check | Change::Default => &["has changed"],
    };
    if !matches!(answer.code, Some(1 | 4)) || !words.iter().any(|word| answer.stderr.contains(word)) {
        bail!("{change:?} was not noticed\n{}", answer.tell());
    }
    Ok(change == Change::SyncOff)
}

/// Runs the verb until it isn't for a lock that it fails.
fn refusal(driver: &mut Driver, arguments: &[String]) -> Result<Said> {
    let mut answer = driver.once(arguments, None)?;
    for _ in 0..10 {
        if answer.code != Some(6) {
            break;
        }
        answer = driver.once(arguments, None)?;
    }
    Ok(answer)
}

fn alter(world: &World, sql: &str) -> Result<()> {
    let mut last = String::new();
    for _ in 0..20 {
        let mut client = world.connect("torture_ddl")?;
        client.batch_execute("SET lock_timeout = '700ms'")?;
        match client.batch_execute(sql) {
            Ok(()) => return Ok(()),
            Err(error) => last = said(&error),
        }
        thread::sleep(Duration::from_millis(200));
    }
    bail!("{sql}: {last}")
}
