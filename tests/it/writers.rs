//! Live writers at every isolation level, through copy, cutover and rollback:
//! what they know that they committed is what the table holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use postgres::error::SqlState;
use postgres::{Client, IsolationLevel};

use crate::support::{Database, Pgcleave};

/// Rows that one writer owns; `None` is deleted.
type Ledger = BTreeMap<i64, Option<String>>;

const WRITERS: i64 = 3;
const LEVELS: [IsolationLevel; 3] = [
    IsolationLevel::ReadCommitted,
    IsolationLevel::RepeatableRead,
    IsolationLevel::Serializable,
];

/// One random change to a row of the writer's own.
fn change(transaction: &mut postgres::Transaction, id: i64, dice: u8) -> Result<Ledger, postgres::Error> {
    let mut ledger = Ledger::new();
    let month = i32::from(dice % 5);
    let sql = match dice % 6 {
        0 | 1 => "INSERT INTO events (id, note, at) VALUES ($1, 'i' || $2::int, now() - $2::int * interval '20 days')
                  ON CONFLICT DO NOTHING RETURNING id, events.note || at::text",
        2 => "UPDATE events SET note = note || $2::int WHERE id = $1 RETURNING id, events.note || at::text",
        3 => "UPDATE events SET at = at - $2::int * interval '20 days' WHERE id = $1 RETURNING id, events.note || at::text",
        4 => "UPDATE events SET id = id + 1000000 + 0 * $2::int WHERE id = $1 RETURNING id, events.note || at::text",
        _ => "DELETE FROM events WHERE id = $1 AND $2::int IS NOT NULL RETURNING id, NULL::text",
    };
    for row in transaction.query(sql, &[&id, &month])? {
        let now: i64 = row.get(0);
        if now != id {
            ledger.insert(id, None);
        }
        ledger.insert(now, row.get(1));
    }
    Ok(ledger)
}

/// Writes until it is told to stop; a transaction that must be retried counts for nothing.
fn write(mut client: Client, number: i64, stop: Arc<AtomicBool>) -> Result<Ledger, String> {
    let mut ledger = Ledger::new();
    let mut random = fastrand::Rng::with_seed(number.unsigned_abs());
    while !stop.load(Ordering::Relaxed) {
        let level = LEVELS[random.usize(..3)];
        let mut transaction = client
            .build_transaction()
            .isolation_level(level)
            .start()
            .map_err(|e| e.to_string())?;
        let mut changes = Ledger::new();
        let outcome = (0..random.u8(1..4)).try_for_each(|_| {
            // A primary key that was moved away is beyond this range, and stays there.
            let id = random.i64(0..300) * WRITERS + number;
            changes.extend(change(&mut transaction, id, random.u8(..))?);
            Ok(())
        });
        let outcome = match outcome {
            Ok(()) if random.u8(..10) == 0 => transaction.rollback().map(|()| changes.clear()),
            Ok(()) => transaction.commit(),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => ledger.extend(changes),
            Err(error) => {
                let code = error.code().cloned();
                // A key moved onto one that was moved before is the writer's own doing.
                let expected = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::UNIQUE_VIOLATION];
                if !code.as_ref().is_some_and(|code| expected.contains(code)) {
                    return Err(format!("{code:?}: {error:?}"));
                }
            }
        }
    }
    Ok(ledger)
}

struct Crew {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<Ledger, String>>>,
}

impl Crew {
    fn start(database: &Database) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..WRITERS)
            .map(|number| {
                let (client, stop) = (database.client(), Arc::clone(&stop));
                thread::spawn(move || write(client, number, stop))
            })
            .collect();
        Self { stop, threads }
    }

    fn finish(self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Ledger::new();
        for thread in self.threads {
            all.extend(thread.join().unwrap().unwrap());
        }
        all
    }
}

fn content(database: &Database) -> Ledger {
    let rows = database
        .client()
        .query("SELECT id, note || at::text FROM events", &[])
        .unwrap();
    rows.iter().map(|row| (row.get(0), Some(row.get(1)))).collect()
}

#[test]
fn the_table_holds_what_the_writers_know_that_they_committed() {
    let database = Database::new();
    database.run_sql("CREATE TABLE events (id bigint PRIMARY KEY, note text, filler text DEFAULT repeat('x', 200), at timestamptz NOT NULL);
        CREATE INDEX ON events (at); CREATE INDEX ON events (note);
        INSERT INTO events (id, note, at) SELECT i, 's', now() - i * interval '20 minutes' FROM generate_series(900, 40000) i");
    let pgcleave = Pgcleave::new(&database);
    pgcleave.generate_monthly(&["--batch-size", "20"]);
    let mut expected = content(&database);
    let rounds: [&[&[&str]]; 3] = [
        &[
            &["apply", "--yes", "--through", "verify_copy"],
            &["verify"],
            &["apply", "--yes"],
        ],
        &[
            &["verify"],
            &["rollback", "--yes", "--to", "verify_copy"],
            &["verify"],
            &["apply", "--yes"],
            &["verify"],
        ],
        &[&["rollback", "--yes"]],
    ];
    for verbs in rounds {
        let crew = Crew::start(&database);
        for verb in verbs {
            pgcleave.ok(verb);
        }
        expected.extend(crew.finish());
        expected.retain(|_, row| row.is_some());
        let found = content(&database);
        let wrong: Vec<_> = expected
            .iter()
            .filter(|(id, row)| found.get(id) != Some(row))
            .take(5)
            .collect();
        assert!(wrong.is_empty(), "lost or stale after {verbs:?}: {wrong:?}");
        assert_eq!(found.len(), expected.len(), "ghosts after {verbs:?}");
    }
}
