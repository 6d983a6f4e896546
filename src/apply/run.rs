//! A run: one session that holds the table's advisory lock and runs steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use postgres::Client;

use super::failure::ApplyError;
use super::progress::Reporter;
use super::relations::Relations;
use super::stage::{Position, read_stage};
use crate::db::advisory_lock;
use crate::db::connect::Target;
use crate::db::history::{self, Direction, Entry, Outcome};
use crate::migration::{MigrationFile, Mode};
use crate::sql::Literal;

/// How often a long step's progress is read.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(400);

/// A session that runs steps on one table.
pub struct Session<'a> {
    target: &'a Target,
    client: Client,
    relations: Relations,
    /// Set by Ctrl-C.
    interrupted: Arc<AtomicBool>,
    allowed: Vec<String>,
}

impl<'a> Session<'a> {
    /// Connects, takes the advisory lock and makes sure that there is a history.
    ///
    /// # Errors
    /// When another run holds the lock, or the role may not keep a history.
    pub fn open(
        target: &'a Target,
        relations: Relations,
        allowed: Vec<String>,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Self, ApplyError> {
        let mut session = Self {
            client: target.open()?,
            target,
            relations,
            interrupted,
            allowed,
        };
        session.prepare()?;
        Ok(session)
    }

    fn prepare(&mut self) -> Result<(), ApplyError> {
        self.lock()?;
        let allowed = Literal::new(self.allowed.join(","));
        self.client
            .batch_execute(&format!("SET pgcleave.allow = {allowed}"))?;
        history::ensure(&mut self.client).map_err(ApplyError::History)
    }

    /// Tries for two seconds: the session of a run that has just ended may still be closing.
    fn lock(&mut self) -> Result<(), ApplyError> {
        for _ in 0..10 {
            if advisory_lock::try_lock(&mut self.client, &self.relations.source)? {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(200));
        }
        Err(ApplyError::Locked(self.relations.source.plain()))
    }

    /// Where the conversion stands.
    ///
    /// # Errors
    /// When the server can't be asked.
    pub fn position(&mut self) -> Result<Position, ApplyError> {
        Ok(read_stage(&mut self.client, &self.relations)?)
    }

    /// What was run before.
    ///
    /// # Errors
    /// When the history can't be read.
    pub fn history(&mut self) -> Result<Vec<Entry>, ApplyError> {
        history::entries(&mut self.client, &self.relations.source).map_err(ApplyError::History)
    }

    /// Forgets the table's history after a rollback to the start.
    ///
    /// # Errors
    /// When the history can't be changed.
    pub fn forget(&mut self) -> Result<(), ApplyError> {
        history::forget(&mut self.client, &self.relations.source).map_err(ApplyError::History)
    }

    /// The connection, for questions of the caller's.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Runs a file, then its verify file, and records it.
    ///
    /// # Errors
    /// Whatever the server says; a transactional file has then changed nothing.
    pub fn run(
        &mut self,
        file: &MigrationFile,
        verify: Option<&MigrationFile>,
        direction: Direction,
        reporter: &mut dyn Reporter,
    ) -> Result<(), ApplyError> {
        let is_long = file.mode() == Mode::SingleStatement;
        reporter.begin(file.title(), is_long);
        let result = self.run_watched(file, verify, direction, reporter);
        reporter.end();
        match result {
            Err(error) if self.interrupted.load(Ordering::Relaxed) && is_interruption(&error) => {
                Err(ApplyError::Interrupted(file.name.stem.clone()))
            }
            Err(_) if self.client.is_closed() => self.after_lost_connection(file, direction),
            result => result,
        }
    }

    fn run_watched(
        &mut self,
        file: &MigrationFile,
        verify: Option<&MigrationFile>,
        direction: Direction,
        reporter: &mut dyn Reporter,
    ) -> Result<(), ApplyError> {
        let token = self.client.cancel_token();
        let (done, finished) = mpsc::channel::<()>();
        let watch = Watch {
            target: self.target.clone(),
            relations: self.relations.clone(),
            interrupted: Arc::clone(&self.interrupted),
            by_batches: file.mode() == Mode::SingleStatement,
        };
        thread::scope(|scope| {
            scope.spawn(move || watch.until(&finished, &token, reporter));
            let result = self.run_recorded(file, verify, direction);
            drop(done);
            result
        })
    }

    fn run_recorded(
        &mut self,
        file: &MigrationFile,
        verify: Option<&MigrationFile>,
        direction: Direction,
    ) -> Result<(), ApplyError> {
        let stem = &file.name.stem;
        let record =
            |outcome| history::record(&self.relations.source, stem, direction, outcome, &file.checksum());
        let (started, finished) = (record(Outcome::Started), record(Outcome::Finished));
        let failed = |error: postgres::Error| ApplyError::step(stem, &error);
        let check = verify.and_then(MigrationFile::body).unwrap_or_default();
        let Some(body) = file.body() else {
            self.client.batch_execute(&started).map_err(failed)?;
            self.client
                .batch_execute("SET lock_timeout = '5s'; SET statement_timeout = 0")
                .map_err(failed)?;
            self.client.batch_execute(&file.text).map_err(failed)?;
            return self.in_transaction(&[check, &finished]).map_err(failed);
        };
        self.in_transaction(&[body, check, &finished]).map_err(failed)
    }

    fn in_transaction(&mut self, statements: &[&str]) -> Result<(), postgres::Error> {
        let mut transaction = self
            .client
            .build_transaction()
            .isolation_level(postgres::IsolationLevel::ReadCommitted)
            .start()?;
        for statement in statements {
            transaction.batch_execute(statement)?;
        }
        transaction.commit()
    }

    /// The catalog decides whether the step was committed before the connection broke.
    fn after_lost_connection(
        &mut self,
        file: &MigrationFile,
        direction: Direction,
    ) -> Result<(), ApplyError> {
        let lost = || ApplyError::Lost(file.name.stem.clone());
        let before = file.checksum();
        for _ in 0..20 {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(lost());
            }
            thread::sleep(Duration::from_millis(500));
            let Ok(client) = self.target.open() else { continue };
            self.client = client;
            self.prepare().map_err(|_| lost())?;
            let last = self.history()?.pop();
            let committed = last.is_some_and(|entry| {
                entry.step == file.name.stem
                    && entry.direction == direction
                    && entry.outcome == Outcome::Finished
                    && entry.checksum == before
            });
            return if committed { Ok(()) } else { Err(lost()) };
        }
        Err(lost())
    }
}

/// Whether an error may be the answer to our own cancelling.
fn is_interruption(error: &ApplyError) -> bool {
    use postgres::error::SqlState;
    match error {
        ApplyError::Step { state, .. } => {
            matches!(state, Some(s) if *s == SqlState::QUERY_CANCELED || *s == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE)
        }
        ApplyError::Locked(_)
        | ApplyError::Interrupted(_)
        | ApplyError::Lost(_)
        | ApplyError::History(_)
        | ApplyError::Server(_)
        | ApplyError::Connect(_)
        | ApplyError::MissingFile(_) => false,
    }
}

/// Looks after a running step from a connection of its own.
struct Watch {
    target: Target,
    relations: Relations,
    interrupted: Arc<AtomicBool>,
    /// Whether the step can be stopped between two of its batches.
    by_batches: bool,
}

impl Watch {
    fn until(
        &self,
        finished: &mpsc::Receiver<()>,
        token: &postgres::CancelToken,
        reporter: &mut dyn Reporter,
    ) {
        let mut client = if self.by_batches {
            self.target.open().ok()
        } else {
            None
        };
        let mut stopping = false;
        while finished.recv_timeout(PROGRESS_INTERVAL) == Err(RecvTimeoutError::Timeout) {
            if self.interrupted.load(Ordering::Relaxed) && !stopping {
                stopping = true;
                self.stop(client.as_mut(), token);
            }
            let position = client.as_mut().map(|client| read_stage(client, &self.relations));
            if let Some(Ok(position)) = position {
                reporter.progress(position.progress);
            }
        }
    }

    /// Asks for a stop after the current batch; cancels what has no batches.
    fn stop(&self, client: Option<&mut Client>, token: &postgres::CancelToken) {
        let request = format!(
            "SET lock_timeout = '30s'; UPDATE {} SET stop_requested = true",
            self.relations.state
        );
        let asked = client.is_some_and(|client| client.batch_execute(&request).is_ok());
        if !asked {
            // A failure to cancel leaves the step running; it ends by itself, and whole.
            let _ = self.target.cancel(token);
        }
    }
}
