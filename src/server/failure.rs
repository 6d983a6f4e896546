//! What goes wrong around a throwaway server.

use std::io;
use std::path::PathBuf;

use super::BIN_VARIABLE;

/// Why there is no throwaway server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("PostgreSQL's server programs (initdb, pg_ctl, postgres) were not found")]
    NotFound,
    #[error("{BIN_VARIABLE} is {0}, which holds no initdb, pg_ctl and postgres")]
    NotThere(PathBuf),
    #[error("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")]
    NoUser,
    #[error("can't look up the user {name} to run the server as")]
    User {
        name: &'static str,
        #[source]
        source: nix::Error,
    },
    #[error("can't prepare the server's folder {path}")]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("can't run {program}")]
    Run {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{program} failed: {output}")]
    Failed { program: PathBuf, output: String },
    #[error("the server didn't start: {output}\nthe end of its log:\n{log}")]
    Start { output: String, log: String },
    #[error("the throwaway server doesn't do what it should")]
    Database(#[from] postgres::Error),
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
