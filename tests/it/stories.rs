//! Failures of other tools, each a test of ours: `story_07_…` is the seventh
//! of the list in docs/RELIABILITY.md, `first_notes_…` a fault of the procedure
//! that the first design notes started from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use postgres::Client;

use crate::support::{Database, Pgcleave, wait_until};

mod content;
mod cutover;
mod dependents;
mod first_notes;
mod going_back;
mod interruptions;
mod names;
mod sequences;
mod time_zones;

/// A table `events` that is being converted.
pub struct Story {
    pub database: Database,
    pub pgcleave: Pgcleave,
}

/// 600 rows over five months up to now.
pub const EVENTS: &str = "CREATE TABLE events (id bigint PRIMARY KEY, note text, n int NOT NULL DEFAULT 0, at timestamptz NOT NULL);
    INSERT INTO events SELECT i, 'n' || i, 0, now() - i * interval '6 hours' FROM generate_series(1, 600) i;";

impl Story {
    pub fn begin(schema: &str) -> Self {
        Self::begin_with(schema, &[])
    }

    /// With more arguments to `generate`.
    pub fn begin_with(schema: &str, more: &[&str]) -> Self {
        let database = Database::new();
        database.run_sql(schema);
        let pgcleave = Pgcleave::new(&database);
        let mut arguments = vec!["-q", "generate", "events", "--key", "at"];
        for (flag, usual) in [("--interval", "monthly"), ("--premake", "2")] {
            if !more.contains(&flag) {
                arguments.extend([flag, usual]);
            }
        }
        arguments.extend(more);
        pgcleave.ok(&arguments);
        Self { database, pgcleave }
    }

    pub fn through(&self, step: &str) {
        self.pgcleave.ok(&["-q", "apply", "--yes", "--through", step]);
    }

    /// All but the step that has to be named.
    pub fn finish(&self) {
        self.pgcleave.ok(&["-q", "apply", "--yes"]);
    }

    /// Undoes the cutover alone.
    pub fn go_back(&self) {
        self.pgcleave
            .ok(&["-q", "rollback", "--yes", "--to", "verify_copy"]);
    }

    /// Stems of all steps but the last, from the files.
    pub fn steps(&self) -> Vec<String> {
        let files = self.pgcleave.files(".up.sql");
        let stem = |path: &std::path::PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            name[5..].trim_end_matches(".up.sql").to_owned()
        };
        files
            .iter()
            .map(stem)
            .filter(|stem| stem != "drop_retired_table")
            .collect()
    }

    pub fn is_partitioned(&self) -> bool {
        self.database
            .lines("SELECT relkind::text FROM pg_class WHERE oid = 'events'::regclass")
            == ["p"]
    }

    /// `events` and its other side hold the same rows, in one snapshot.
    #[track_caller]
    pub fn assert_equal(&self) {
        let other = self
            .database
            .lines("SELECT coalesce(to_regclass('events_pgcleave_retired'), to_regclass('events_pgcleave_copy'))::text")
            .remove(0);
        let differences = self.database.lines(&format!(
            "SELECT 'only in events: ' || d::text FROM (TABLE events EXCEPT ALL TABLE {other}) d
             UNION ALL SELECT 'only in the other: ' || d::text FROM (TABLE {other} EXCEPT ALL TABLE events) d LIMIT 5"
        ));
        assert!(differences.is_empty(), "{differences:?}");
    }

    #[track_caller]
    pub fn assert_sequence_ahead(&self) {
        let ahead = "SELECT (pg_sequence_last_value(pg_get_serial_sequence('events', 'id')::regclass) >= max(id))::text FROM events";
        assert_eq!(self.database.lines(ahead), ["true"]);
    }
}

/// A session that does one thing over and over in the background.
pub struct Busy {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicI64>,
    thread: JoinHandle<Report>,
}

/// What a busy session met.
pub struct Report {
    pub rounds: i64,
    pub slowest: Duration,
    pub errors: Vec<String>,
}

impl Busy {
    pub fn start(
        database: &Database,
        mut work: impl FnMut(&mut Client, i64) -> Result<(), postgres::Error> + Send + 'static,
    ) -> Self {
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
        let mut client = database.client();
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&rounds));
        let thread = thread::spawn(move || {
            let (mut slowest, mut errors) = (Duration::ZERO, Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let start = Instant::now();
                if let Err(error) = work(&mut client, counted.load(Ordering::Relaxed)) {
                    errors.push(format!("{:?} {error:?}", error.code()));
                }
                slowest = slowest.max(start.elapsed());
                counted.fetch_add(1, Ordering::Relaxed);
            }
            Report {
                rounds: counted.load(Ordering::Relaxed),
                slowest,
                errors,
            }
        });
        Self { stop, rounds, thread }
    }

    pub fn rounds(&self) -> i64 {
        self.rounds.load(Ordering::Relaxed)
    }

    /// So that what follows happens with this session at work.
    pub fn wait_for_rounds(&self, more: i64) {
        let goal = self.rounds() + more;
        wait_until("a busy session", || {
            self.rounds() >= goal || self.thread.is_finished()
        });
    }

    pub fn finish(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }

    /// Ends it; it must have met no error at all.
    #[track_caller]
    pub fn finish_without_error(self) -> Report {
        let report = self.finish();
        let few: Vec<_> = report.errors.iter().take(3).collect();
        assert!(
            few.is_empty(),
            "{} errors in {} rounds: {few:?}",
            report.errors.len(),
            report.rounds
        );
        report
    }
}
