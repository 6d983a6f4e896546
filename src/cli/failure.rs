//! What a verb failed with: cause, hint and exit code.

use anyhow::anyhow;

use crate::apply::ApplyError;
use crate::catalog::CatalogError;
use crate::db::connect::ConnectError;
use crate::migration::DirectoryError;
use crate::spec::SpecError;
use crate::sql::IdentError;

/// Cause, hint and exit code of a verb that didn't do what it was asked for.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    /// `None` where the report on stdout says it all.
    pub cause: Option<anyhow::Error>,
    pub hint: Option<String>,
}

impl Failure {
    const FAILED: u8 = 1;
    const USAGE: u8 = 2;
    const DIFFERENT: u8 = 3;
    const REFUSED: u8 = 4;
    const NO_ACCESS: u8 = 5;
    const LOCKED: u8 = 6;
    const INTERRUPTED: u8 = 130;

    fn new(code: u8, cause: impl Into<anyhow::Error>, hint: Option<String>) -> Self {
        Self {
            code,
            cause: Some(cause.into()),
            hint,
        }
    }

    /// The command was called in a way that can't work.
    pub fn usage(cause: &str, hint: &str) -> Self {
        Self::new(Self::USAGE, anyhow!("{cause}"), Some(hint.to_owned()))
    }

    /// The table can't be converted as asked.
    pub fn refused(cause: &str, hint: &str) -> Self {
        Self::new(Self::REFUSED, anyhow!("{cause}"), Some(hint.to_owned()))
    }

    /// Something went wrong.
    pub fn failed(cause: impl Into<anyhow::Error>, hint: &str) -> Self {
        Self::new(Self::FAILED, cause, Some(hint.to_owned()))
    }

    /// Not enough privilege.
    pub fn no_privilege(cause: &str, hint: &str) -> Self {
        Self::new(Self::NO_ACCESS, anyhow!("{cause}"), Some(hint.to_owned()))
    }

    /// The report on stdout has the blockers.
    pub fn blocked() -> Self {
        Self {
            code: Self::REFUSED,
            cause: None,
            hint: None,
        }
    }

    /// The report on stdout has the differences.
    pub fn differences() -> Self {
        Self {
            code: Self::DIFFERENT,
            cause: None,
            hint: None,
        }
    }

    /// The report on stdout says which musts don't hold.
    pub fn musts_broken() -> Self {
        Self {
            code: Self::FAILED,
            cause: None,
            hint: None,
        }
    }

    /// Ctrl-C at a prompt or during a report.
    pub fn interrupted() -> Self {
        Self::new(Self::INTERRUPTED, anyhow!("interrupted"), None)
    }

    /// stdout can't be written.
    pub fn output(error: std::io::Error) -> Self {
        Self::new(Self::FAILED, error, None)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let hint = error.hint();
        Self::new(Self::NO_ACCESS, error, hint)
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        let hint = error.hint();
        let code = match &error {
            ApplyError::Interrupted(_) | ApplyError::VerificationInterrupted => Self::INTERRUPTED,
            error if error.is_refusal() => Self::REFUSED,
            error if error.is_lock_failure() => Self::LOCKED,
            error if error.is_privilege_failure() => Self::NO_ACCESS,
            _ => Self::FAILED,
        };
        Self::new(code, error, hint)
    }
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        let hint = error.hint();
        let code = if error.is_privilege_failure() {
            Self::NO_ACCESS
        } else if error.is_lock_failure() {
            Self::LOCKED
        } else {
            Self::FAILED
        };
        Self::new(code, error, hint)
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        let hint = error.hint();
        Self::failed(error, hint)
    }
}

impl From<SpecError> for Failure {
    fn from(error: SpecError) -> Self {
        let hint = match &error.file {
            Some(file) => format!("correct {}; its keys: pgcleave schema", file.display()),
            None => "see the flags: pgcleave generate --help".to_owned(),
        };
        Self::new(Self::USAGE, error, Some(hint))
    }
}

impl From<IdentError> for Failure {
    fn from(error: IdentError) -> Self {
        Self::new(Self::USAGE, error, None)
    }
}

impl From<postgres::Error> for Failure {
    fn from(error: postgres::Error) -> Self {
        ApplyError::from(error).into()
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        Self::failed(error, "please report this")
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::failed(error, "please report this")
    }
}

impl From<dialoguer::Error> for Failure {
    fn from(error: dialoguer::Error) -> Self {
        let dialoguer::Error::IO(io) = error;
        if io.kind() == std::io::ErrorKind::Interrupted {
            return Self::interrupted();
        }
        Self::failed(io, "answer by flags instead: --yes")
    }
}
