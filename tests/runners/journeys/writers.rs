//! Two writers that don't know that their table is being converted, and what they know that
//! they committed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use postgres::error::SqlState;
use postgres::{Client, IsolationLevel, Transaction};

use crate::support::Database;

/// The rows by their keys, and what was deleted.
type Ledger = BTreeMap<i64, Option<String>>;

const ROW: &str = "ROW(e.id, e.place, e.note, e.data, e.at, e.touched)::text";
const LEVELS: [IsolationLevel; 2] = [IsolationLevel::ReadCommitted, IsolationLevel::RepeatableRead];

pub struct Writers {
    stop: Arc<AtomicBool>,
    /// Writers share it while they are in a transaction.
    gate: Arc<RwLock<()>>,
    ledgers: Vec<Arc<Mutex<Ledger>>>,
    threads: Vec<JoinHandle<Result<(), String>>>,
}

struct Writer {
    client: Client,
    level: IsolationLevel,
    random: fastrand::Rng,
    ledger: Arc<Mutex<Ledger>>,
}

impl Writers {
    /// Each owns every second row that is there, and what it inserts.
    pub fn start(database: &Database) -> Self {
        let (stop, gate) = (Arc::new(AtomicBool::new(false)), Arc::new(RwLock::new(())));
        let all = content(database);
        let mut writers = Self {
            stop,
            gate,
            ledgers: Vec::new(),
            threads: Vec::new(),
        };
        for (number, level) in (0..).zip(LEVELS) {
            let own = all.iter().filter(|(id, _)| *id % 2 == number);
            let ledger = own.map(|(id, row)| (*id, row.clone())).collect();
            let ledger = Arc::new(Mutex::new(ledger));
            writers.ledgers.push(Arc::clone(&ledger));
            let writer = Writer {
                client: database.client(),
                level,
                random: fastrand::Rng::with_seed(number.unsigned_abs()),
                ledger,
            };
            let (stop, gate) = (Arc::clone(&writers.stop), Arc::clone(&writers.gate));
            writers
                .threads
                .push(thread::spawn(move || writer.write(&stop, &gate)));
        }
        writers
    }

    /// No row is lost, stale or a ghost, and no writer met an error.
    pub fn check(&mut self, database: &Database) {
        if let Some(ended) = self.threads.iter().position(JoinHandle::is_finished) {
            panic!("a writer stopped: {:?}", self.threads.remove(ended).join());
        }
        let (expected, found) = self.compare(database);
        let wrong: Vec<_> = expected
            .iter()
            .filter(|(id, row)| found.get(id) != Some(row))
            .take(5)
            .collect();
        assert!(wrong.is_empty(), "lost or stale: {wrong:?}");
        assert_eq!(found.len(), expected.len(), "ghosts");
        let dangling =
            "SELECT n.event::text FROM notes n WHERE NOT EXISTS (SELECT FROM events e WHERE e.id = n.event)";
        assert_eq!(database.lines(dangling), Vec::<String>::new(), "dangling notes");
    }

    /// What they know and what there is, while they hold still.
    fn compare(&self, database: &Database) -> (Ledger, Ledger) {
        let _still = self.gate.write().unwrap();
        let mut expected = Ledger::new();
        for ledger in &self.ledgers {
            expected.extend(ledger.lock().unwrap().clone());
        }
        expected.retain(|_, row| row.is_some());
        (expected, content(database))
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // In a panic nobody waits for them: their database goes away.
        for thread in self.threads.drain(..).filter(|_| !thread::panicking()) {
            assert_eq!(thread.join().unwrap(), Ok(()));
        }
    }
}

impl Writer {
    fn write(mut self, stop: &AtomicBool, gate: &RwLock<()>) -> Result<(), String> {
        while !stop.load(Ordering::Relaxed) {
            let open = gate.read().unwrap();
            self.transact()?;
            drop(open);
            // Leaves a small machine some room.
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// A transaction that must be retried counts for nothing.
    fn transact(&mut self) -> Result<(), String> {
        let ids: Vec<i64> = (0..self.random.usize(1..4)).map(|_| self.own_row()).collect();
        match self.try_to_transact(&ids) {
            Ok(changes) => {
                self.ledger.lock().unwrap().extend(changes);
                Ok(())
            }
            Err(error) if error.code() == Some(&SqlState::T_R_SERIALIZATION_FAILURE) => Ok(()),
            Err(error) => Err(format!("{:?}: {error:?}", error.code())),
        }
    }

    fn try_to_transact(&mut self, ids: &[i64]) -> Result<Ledger, postgres::Error> {
        let mut transaction = self
            .client
            .build_transaction()
            .isolation_level(self.level)
            .start()?;
        let mut changes = Ledger::new();
        for id in ids {
            let found = change(&mut transaction, *id, self.random.u8(..))?;
            changes.extend(found);
        }
        if self.random.u8(..10) == 0 {
            transaction.rollback()?;
            return Ok(Ledger::new());
        }
        transaction.commit()?;
        Ok(changes)
    }

    /// The key of a row that is there or was.
    fn own_row(&mut self) -> i64 {
        let ledger = self.ledger.lock().unwrap();
        let place = self.random.usize(..ledger.len());
        *ledger.keys().nth(place).unwrap()
    }
}

/// One random change, of a row of the writer's own unless it inserts one.
fn change(transaction: &mut Transaction, id: i64, dice: u8) -> Result<Ledger, postgres::Error> {
    let n = i32::from(dice);
    let sql = match dice % 6 {
        0 | 1 => {
            "INSERT INTO events AS e (place, note, at) SELECT 1 + $2::int % 20, 'i' || $2::int, now() - $2::int * interval '12 hours' WHERE $1::bigint IS NOT NULL"
        }
        2 | 3 => "UPDATE events e SET note = note || $2::int % 10 WHERE id = $1",
        4 => "UPDATE events e SET at = at - ($2::int % 3) * interval '20 days' WHERE id = $1",
        _ => "DELETE FROM events e WHERE id = $1 AND $2::int IS NOT NULL",
    };
    let is_delete = dice % 6 == 5;
    let rows = transaction.query(&format!("{sql} RETURNING e.id, {ROW}"), &[&id, &n])?;
    for row in &rows {
        let id: i64 = row.get(0);
        if dice.is_multiple_of(4) && !is_delete {
            transaction.execute("INSERT INTO notes (event) VALUES ($1)", &[&id])?;
        }
    }
    let entry = |row: &postgres::Row| (row.get(0), (!is_delete).then(|| row.get(1)));
    Ok(rows.iter().map(entry).collect())
}

fn content(database: &Database) -> Ledger {
    let rows = database
        .client()
        .query(&format!("SELECT e.id, {ROW} FROM events e"), &[])
        .unwrap();
    rows.iter().map(|row| (row.get(0), Some(row.get(1)))).collect()
}
