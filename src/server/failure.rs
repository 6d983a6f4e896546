//! What goes wrong around a throwaway server.

use std::io;
use std::path::PathBuf;

use super::BIN_VARIABLE;

/// Why there is no throwaway server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// There are none in the usual places.
    #[error("PostgreSQL's server programs (initdb, pg_ctl, postgres) were not found")]
    NotFound,
    /// The folder that the variable names has none.
    #[error("{BIN_VARIABLE} is {0}, which holds no initdb, pg_ctl and postgres")]
    NotThere(PathBuf),
    /// Run as root, and no other user to start the server as.
    #[error("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")]
    NoUser,
    /// The operating system can't tell that user's id.
    #[error("can't look up the user {name} to run the server as")]
    User {
        /// `postgres` or `nobody`.
        name: &'static str,
        #[source]
        /// What the operating system said.
        source: nix::Error,
    },
    /// The data directory or its parent can't be made or handed over.
    #[error("can't prepare the server's folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        #[source]
        /// What the operating system said.
        source: io::Error,
    },
    /// A program can't be started.
    #[error("can't run {program}")]
    Run {
        /// Its path.
        program: PathBuf,
        #[source]
        /// What the operating system said.
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("{program} failed: {output}")]
    Failed {
        /// Its path.
        program: PathBuf,
        /// What it printed.
        output: String,
    },
    /// `pg_ctl start` ended with an error.
    #[error("the server didn't start: {output}\nthe end of its log:\n{log}")]
    Start {
        /// What it printed.
        output: String,
        /// The last lines of the server's log.
        log: String,
    },
    /// A statement that sets the server up failed.
    #[error("the throwaway server doesn't do what it should")]
    Database(#[from] postgres::Error),
    /// A name of a database isn't one.
    #[error(transparent)]
    Name(#[from] crate::sql::IdentError),
}

impl ServerError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotFound | Self::NotThere(_) => {
                Some("install PostgreSQL's server: apt-get install postgresql, or set PGCLEAVE_PG_BIN")
            }
            Self::NoUser | Self::User { .. } => Some("run this as a user who isn't root"),
            Self::Folder { .. } => Some("set TMPDIR to a folder with room that the server's user can enter"),
            Self::Run { .. } => Some("set PGCLEAVE_PG_BIN to programs that the server's user may run"),
            Self::Failed { .. } | Self::Start { .. } => {
                Some("set TMPDIR to another folder, or PGCLEAVE_PG_BIN to other programs")
            }
            Self::Database(_) | Self::Name(_) => None,
        }
    }
}
