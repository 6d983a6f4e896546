//! A run: one session that holds the table's advisory lock and runs steps.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use postgres::Client;

use super::failure::ApplyError;
use super::load::{Load, write_load};
use super::progress::Reporter;
use super::relations::Relations;
use super::stage::{Position, Stage, read_stage};
use super::watch::Watch;
use crate::db::advisory_lock;
use crate::db::connect::Target;
use crate::db::history::{self, Direction, Entry, Outcome};
use crate::migration::{Directory, MigrationFile, Mode, Part};
use crate::sql::Literal;

/// More logged changes than this are caught up before the switch.
const SMALL_BACKLOG: i64 = 500;

/// What the user asked for by flags.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Hazards allowed by name.
    pub allowed: Vec<String>,
    /// Settings named `pgcleave.…` that the steps' SQL reads, such as `lock_timeout`.
    pub variables: Vec<(&'static str, String)>,
    /// What to change in the settings table before the batch copy and the catch-up.
    pub load: Load,
    /// The batch copy and the catch-up wait while it is there.
    pub pause_file: Option<PathBuf>,
    /// Whether runs are recorded in `pgcleave.history`.
    pub record: Record,
}

/// Whether runs are recorded in `pgcleave.history`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Record {
    /// A row before and a row behind each file.
    #[default]
    InHistory,
    /// Another migration runner keeps the history, and its way back would not take ours away.
    Nowhere,
}

/// A session that runs steps on one table.
pub struct Session<'a> {
    target: &'a Target,
    client: Client,
    relations: Relations,
    /// Set by Ctrl-C.
    interrupted: Arc<AtomicBool>,
    options: RunOptions,
}

impl<'a> Session<'a> {
    /// Connects, takes the advisory lock and makes sure that there is a history.
    ///
    /// # Errors
    /// When another run holds the lock, or the role may not keep a history.
    pub fn open(
        target: &'a Target,
        relations: Relations,
        options: RunOptions,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Self, ApplyError> {
        let mut session = Self {
            client: target.open()?,
            target,
            relations,
            interrupted,
            options,
        };
        session.prepare()?;
        Ok(session)
    }

    fn prepare(&mut self) -> Result<(), ApplyError> {
        self.lock()?;
        let allowed = ("allow", self.options.allowed.join(","));
        let settings = self.options.variables.iter().chain(std::iter::once(&allowed));
        let set: String = settings
            .map(|(name, value)| format!("SET pgcleave.{name} = {};", Literal::new(value.as_str())))
            .collect();
        self.client.batch_execute(&set)?;
        match self.options.record {
            Record::InHistory => history::ensure(&mut self.client).map_err(ApplyError::History),
            Record::Nowhere => Ok(()),
        }
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

    /// Whether the last verification in step is younger than the limit and made of the source as it is.
    ///
    /// # Errors
    /// When the server can't be asked.
    pub fn verification_is_fresh(&mut self, limit: Duration) -> Result<bool, ApplyError> {
        let sql = format!(
            "SELECT coalesce(verified_mark = {}($1::text::regclass)
                AND clock_timestamp() - verified_at <= $2 * interval '1 millisecond', false) FROM {}",
            self.relations.mark, self.relations.state
        );
        let milliseconds = limit.as_millis() as f64;
        let row = self
            .client
            .query_one(&sql, &[&self.relations.source.to_string(), &milliseconds])?;
        Ok(row.get(0))
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
        if self.options.record == Record::Nowhere {
            return Ok(());
        }
        history::forget(&mut self.client, &self.relations.source).map_err(ApplyError::History)
    }

    /// The connection, for questions of the caller's.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Whether Ctrl-C was pressed.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Runs a step's up file, unless it is done, then its verify file, and records it.
    ///
    /// Before the switch what was written since the last catch-up is caught up, for hours may have gone by: the switch
    /// drains the rest with writers blocked.
    ///
    /// # Errors
    /// When the folder has no such step, or whatever the server says; a transactional file has then changed nothing.
    pub fn run_step(
        &mut self,
        directory: &Directory,
        step: &str,
        reporter: &mut dyn Reporter,
    ) -> Result<(), ApplyError> {
        let position = self.position()?;
        if position.is_done(step) {
            return Ok(());
        }
        let must_catch_up = step == "keep_in_step" && position.progress.backlog > SMALL_BACKLOG;
        if must_catch_up && directory.find("catch_up", Part::Up).is_some() {
            self.run_up(directory, "catch_up", reporter)?;
        }
        self.run_up(directory, step, reporter)
    }

    fn run_up(
        &mut self,
        directory: &Directory,
        step: &str,
        reporter: &mut dyn Reporter,
    ) -> Result<(), ApplyError> {
        let missing = || ApplyError::MissingFile(format!("{step}.up.sql"));
        let file = directory.find(step, Part::Up).ok_or_else(missing)?;
        self.run(file, directory.find(step, Part::Verify), Direction::Up, reporter)
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
            Err(error) if self.is_interrupted() && is_interruption(&error) => {
                Err(ApplyError::Interrupted(file.name.stem.clone()))
            }
            Err(error) if self.client.is_closed() || error.is_end_of_session() => {
                self.after_lost_connection(file, direction)
            }
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
        // What a copy may take stands there before it begins, be it pg_cron's.
        let stem = file.name.stem.as_str();
        let is_long = file.mode() == Mode::SingleStatement;
        if is_long || stem == "schedule_copy" {
            write_load(&mut self.client, &self.relations, &self.options.load)?;
        }
        let (done, finished) = mpsc::channel::<bool>();
        let watch = Watch {
            target: self.target.clone(),
            relations: self.relations.clone(),
            interrupted: Arc::clone(&self.interrupted),
            token: self.client.cancel_token(),
            by_batches: is_long && matches!(stem, "run_batch_copy" | "build_partition_indexes" | "catch_up"),
            stops_when_asked: matches!(stem, "run_batch_copy" | "catch_up"),
            parallel: shared_at(stem).map(|stage| (stage, file.text.clone())),
            pause_file: self.options.pause_file.clone(),
        };
        thread::scope(|scope| {
            scope.spawn(move || watch.until(&finished, reporter));
            let result = self.run_recorded(file, verify, direction);
            // The watch may have ended already; then nobody needs to be told.
            let _ = done.send(result.is_ok());
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
        let (started, finished) = (
            self.record(file, direction, Outcome::Started),
            self.record(file, direction, Outcome::Finished),
        );
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

    /// The statement that records a run of the file; an empty one where nothing is recorded.
    fn record(&self, file: &MigrationFile, direction: Direction, outcome: Outcome) -> String {
        if self.options.record == Record::Nowhere {
            return String::new();
        }
        let stem = file.name.stem.as_str();
        let compares = matches!(
            stem,
            "keep_in_step" | "verify_copy" | "cut_over" | "verify_cutover"
        );
        let evidence = (compares && outcome == Outcome::Finished && direction == Direction::Up)
            .then_some(&self.relations.state);
        history::record(
            &self.relations.source,
            stem,
            direction,
            outcome,
            &file.checksum(),
            evidence,
        )
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
        for _ in 0..20 {
            if self.is_interrupted() {
                return Err(lost());
            }
            thread::sleep(Duration::from_millis(500));
            let Ok(client) = self.target.open() else { continue };
            self.client = client;
            self.prepare().map_err(|_| lost())?;
            let done = self.position()?.is_done(&file.name.stem);
            if done != (direction == Direction::Up) {
                return Err(lost());
            }
            return self.record_once(file, direction);
        }
        Err(lost())
    }

    /// A step that commits by itself may be done without its row.
    fn record_once(&mut self, file: &MigrationFile, direction: Direction) -> Result<(), ApplyError> {
        let last = self.history()?.pop();
        let recorded = last.is_some_and(|entry| {
            entry.step == file.name.stem && entry.direction == direction && entry.outcome == Outcome::Finished
        });
        if !recorded {
            let record = self.record(file, direction, Outcome::Finished);
            self.client.batch_execute(&record).map_err(ApplyError::History)?;
        }
        Ok(())
    }
}

/// The stage at which several sessions may run the step's statement; `None` where one does it all.
fn shared_at(stem: &str) -> Option<Stage> {
    match stem {
        "run_batch_copy" => Some(Stage::Copying),
        "build_partition_indexes" => Some(Stage::Copied),
        _ => None,
    }
}

/// Whether an error may be the answer to our own cancelling.
fn is_interruption(error: &ApplyError) -> bool {
    use postgres::error::SqlState;
    matches!(error, ApplyError::Step { state: Some(s), .. }
        if *s == SqlState::QUERY_CANCELED || *s == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE)
}
