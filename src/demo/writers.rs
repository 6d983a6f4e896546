//! Writers that don't know that their table is being converted.
//!
//! Each has a connection, rows that nobody else writes, and a [`Book`] of what
//! it knows that it committed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postgres::error::SqlState;
use postgres::{Client, IsolationLevel, NoTls};

use super::crew::{Gate, Pass, lock};
use super::work::Work;

/// Between two transactions, so that four writers leave a small machine some room.
pub const THINK_TIME: Duration = Duration::from_millis(4);

/// How many error texts are kept.
const FIRST_ERRORS: usize = 3;

/// One transaction, as its writer felt it.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    pub start: Instant,
    pub end: Instant,
    /// Without the time that the writer itself slept in it.
    pub busy: Duration,
    pub committed: bool,
}

/// One thing that a transaction did; it counts once committed.
#[derive(Debug)]
pub enum Change {
    /// The row as it now is, or None for deleted.
    Row(String, Option<u128>),
    /// A row of `event_notes` on an event.
    Note { note: i64, event: i64 },
    /// The event was deleted, and its notes with it.
    Cleared { event: i64 },
}

/// What a writer knows.
#[derive(Debug, Default)]
pub struct Book {
    /// Every row that it touched, by its primary key's text.
    pub rows: HashMap<String, Option<u128>>,
    pub notes: HashMap<i64, i64>,
    pub cleared: HashSet<i64>,
    pub records: Vec<Record>,
    pub errors: u64,
    pub first_errors: Vec<String>,
    /// SQLSTATE 40001: the application has to try again.
    pub serialization_failures: u64,
    /// Statements that met no row where one must be, or one where none may be.
    pub missed: u64,
    /// Key moves that a constraint of the user's table refused.
    pub refused_moves: u64,
}

impl Book {
    fn post(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Row(id, digest) => drop(self.rows.insert(id, digest)),
                Change::Note { note, event } => drop(self.notes.insert(note, event)),
                Change::Cleared { event } => {
                    self.notes.retain(|_, of| *of != event);
                    self.cleared.insert(event);
                }
            }
        }
    }

    fn note_error(&mut self, error: &postgres::Error) {
        if error.code() == Some(&SqlState::T_R_SERIALIZATION_FAILURE) {
            self.serialization_failures += 1;
            return;
        }
        self.errors += 1;
        if self.first_errors.len() < FIRST_ERRORS {
            let text = error
                .as_db_error()
                .map(|db| format!("{}: {}", db.code().code(), db.message()));
            self.first_errors.push(text.unwrap_or_else(|| error.to_string()));
        }
    }
}

/// Half of them at each level.
pub fn isolation_of(number: usize) -> IsolationLevel {
    if number % 2 == 1 {
        IsolationLevel::RepeatableRead
    } else {
        IsolationLevel::ReadCommitted
    }
}

/// One connection at its endless work.
pub struct Writer {
    pub url: String,
    pub client: Client,
    pub work: Work,
    pub isolation: IsolationLevel,
    pub book: Arc<Mutex<Book>>,
}

impl Writer {
    /// Until the gate sends it home.
    pub fn write(&mut self, gate: &Gate) {
        while gate.pass() == Pass::Go {
            let busy = gate.busy();
            self.transact();
            drop(busy);
            std::thread::sleep(THINK_TIME);
        }
    }

    fn transact(&mut self) {
        let book = Arc::clone(&self.book);
        let mut book = lock(&book);
        let start = Instant::now();
        let mut slept = Duration::ZERO;
        let result = self.try_transaction(&mut book, &mut slept);
        let end = Instant::now();
        let committed = matches!(result, Ok(Ended::Committed));
        book.records.push(Record {
            start,
            end,
            busy: (end - start).saturating_sub(slept),
            committed,
        });
        let Err(error) = result else { return };
        if self.work.is_refused_move(&error) {
            book.refused_moves += 1;
        } else {
            book.note_error(&error);
        }
        if self.client.is_closed() {
            self.reconnect(&mut book);
        }
    }

    fn try_transaction(&mut self, book: &mut Book, slept: &mut Duration) -> Result<Ended, postgres::Error> {
        let plan = self.work.plan();
        let mut transaction = self
            .client
            .build_transaction()
            .isolation_level(self.isolation)
            .start()?;
        let mut changes = Vec::new();
        for _ in 0..plan.statements {
            self.work.write(&mut transaction, book, &mut changes)?;
            // A few transactions dawdle, so that some are open whatever happens.
            std::thread::sleep(plan.dawdle);
            *slept += plan.dawdle;
        }
        if plan.gives_up {
            transaction.rollback()?;
            return Ok(Ended::RolledBack);
        }
        transaction.commit()?;
        book.post(changes);
        Ok(Ended::Committed)
    }

    fn reconnect(&mut self, book: &mut Book) {
        let fresh = Client::connect(&self.url, NoTls).and_then(|mut client| {
            self.work.prepare_again(&mut client)?;
            Ok(client)
        });
        match fresh {
            Ok(client) => self.client = client,
            Err(error) => book.note_error(&error),
        }
    }
}

enum Ended {
    Committed,
    RolledBack,
}
