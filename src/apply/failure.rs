//! Why a step didn't run.

use postgres::error::{DbError, SqlState};

/// Why a step, or the whole run, failed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The server refused a statement of a step's file.
    #[error("{step}: {message}")]
    Step {
        /// The step's stem.
        step: String,
        /// The server's message and detail.
        message: String,
        /// The server's hint.
        hint: Option<String>,
        /// The SQLSTATE; `None` where the error isn't the server's.
        state: Option<SqlState>,
    },
    /// The table's advisory lock was not to be had: the table, `schema.table`.
    #[error("another run is under way on {0}")]
    Locked(String),
    /// Ctrl-C during a step: its stem.
    #[error("interrupted during {0}; what was committed is kept, nothing is half done")]
    Interrupted(String),
    /// Ctrl-C during a verification.
    #[error("the verification was interrupted; nothing has changed")]
    VerificationInterrupted,
    /// The connection broke during a step, and whether it was committed is not known or the step isn't: its stem.
    #[error("the connection was lost during {0}; the server keeps only what was committed")]
    Lost(String),
    /// `pgcleave.history` can't be made, read or written.
    #[error("the history can't be kept: {}", cause(.0))]
    History(postgres::Error),
    /// Not as a source: the message says it already.
    #[error("{}", cause(.0))]
    Server(postgres::Error),
    /// No connection was made.
    #[error(transparent)]
    Connect(#[from] crate::db::connect::ConnectError),
    /// A TRUNCATE of the source table is in the change log, and not yet in the copy.
    #[error("a TRUNCATE waits in the change log: nothing can be compared yet")]
    TruncateWaits,
    /// A migration that a rollback or a catch-up needs isn't in the folder: its name.
    #[error("there is no {0}")]
    MissingFile(String),
}

impl From<postgres::Error> for ApplyError {
    fn from(error: postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl ApplyError {
    /// An error of the server's while a step ran.
    pub fn step(step: &str, error: &postgres::Error) -> Self {
        match error.as_db_error() {
            Some(db) => Self::Step {
                step: step.to_owned(),
                message: with_detail(db),
                hint: db.hint().map(str::to_owned),
                state: Some(db.code().clone()),
            },
            None => Self::Step {
                step: step.to_owned(),
                message: error.to_string(),
                hint: None,
                state: None,
            },
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Step { hint: Some(hint), .. } => return Some(hint.clone()),
            Self::Step {
                state: Some(state), ..
            } if *state == SqlState::LOCK_NOT_AVAILABLE => {
                "somebody holds the table (pg_locks shows who): run it again when that is over"
            }
            Self::Step { .. } => "see where the conversion stands: pgcleave status",
            Self::Locked(_) => "wait until it is done; pg_locks shows its session (locktype advisory)",
            Self::Interrupted(_) | Self::Lost(_) => {
                "go on where it stopped: pgcleave apply; or undo: pgcleave rollback"
            }
            Self::History(_) => {
                "the role needs CREATE on the database, or a schema made for it: CREATE SCHEMA pgcleave AUTHORIZATION role; \
                 where another role keeps the history: GRANT USAGE ON SCHEMA pgcleave, and SELECT, INSERT, DELETE ON pgcleave.history"
            }
            Self::Server(error) if error.is_closed() => {
                "the connection was lost: run it again, it goes on where it stopped"
            }
            Self::Server(error) => {
                let hint = error.as_db_error().and_then(DbError::hint);
                return Some(hint.unwrap_or("see the server's log").to_owned());
            }
            Self::Connect(error) => return error.hint(),
            Self::VerificationInterrupted => {
                "run it again: partitions that it found equal are not read again where the table is ordered by its key"
            }
            Self::TruncateWaits => {
                "bring it into the copy first: the step catch_up, or the next run of pg_cron's job"
            }
            Self::MissingFile(_) => "write the migrations again: pgcleave generate",
        };
        Some(text.to_owned())
    }

    /// Whether the server ended the session: its last words may arrive before the connection is seen as closed.
    pub fn is_end_of_session(&self) -> bool {
        let ends = |state: &SqlState| {
            [
                SqlState::ADMIN_SHUTDOWN,
                SqlState::CRASH_SHUTDOWN,
                SqlState::CANNOT_CONNECT_NOW,
                SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            ]
            .contains(state)
        };
        match self {
            Self::Step { state, .. } => state.as_ref().is_some_and(ends),
            Self::Server(error) => error.is_closed() || error.code().is_some_and(ends),
            _ => false,
        }
    }

    /// Whether a lock was not to be had.
    pub fn is_lock_failure(&self) -> bool {
        matches!(self, Self::Locked(_))
            || matches!(self, Self::Step { state: Some(state), .. } if *state == SqlState::LOCK_NOT_AVAILABLE)
    }

    /// Whether the step asks for a hazard to be allowed; its SQL raises this code.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Step { state: Some(state), .. } if state.code() == "PGC04")
    }

    /// Whether the cutover asks for a new verification; its SQL raises this code.
    pub fn needs_verification(&self) -> bool {
        matches!(self, Self::Step { state: Some(state), .. } if state.code() == "PGC05")
    }

    /// Whether a privilege was missing.
    pub fn is_privilege_failure(&self) -> bool {
        let denied = |state: &SqlState| *state == SqlState::INSUFFICIENT_PRIVILEGE;
        match self {
            Self::Step { state, .. } => state.as_ref().is_some_and(denied),
            Self::History(error) | Self::Server(error) => error.code().is_some_and(denied),
            Self::Connect(_) => true,
            Self::Locked(_)
            | Self::Interrupted(_)
            | Self::Lost(_)
            | Self::VerificationInterrupted
            | Self::TruncateWaits
            | Self::MissingFile(_) => false,
        }
    }
}

/// The server's message, or why there was none.
fn cause(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), with_detail)
}

fn with_detail(error: &DbError) -> String {
    match error.detail() {
        Some(detail) => format!("{} ({detail})", error.message()),
        None => error.message().to_owned(),
    }
}
