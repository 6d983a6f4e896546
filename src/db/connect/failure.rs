//! Why a connection was not made, and what to try next.

use std::error::Error as _;
use std::io::ErrorKind;

use postgres::error::SqlState;

/// The one mark by which tokio-postgres lets a TLS failure be told from others.
const TLS_FAILED: &str = "error performing TLS handshake";

/// Why a connection could not be resolved, opened or used to cancel.
///
/// No variant holds text of the connection string, so none can show a password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL or `key=value` string is malformed. The text is fixed: the string itself may hold a password.
    #[error("the database URL cannot be read: {0}")]
    Malformed(&'static str),
    /// A known parameter has a value that it cannot have.
    #[error("connection parameter {name} must be {expected}")]
    Value {
        /// As in a connection string, such as `sslmode`.
        name: &'static str,
        /// What is possible.
        expected: &'static str,
    },
    /// A parameter asks for a safeguard that pgcleave does not have.
    #[error("connection parameter {0} asks for a check that pgcleave cannot make")]
    Unsupported(&'static str),
    /// The service file is missing, malformed, or does not know the service.
    #[error("{cause}")]
    Service {
        /// Which of these, with the file.
        cause: String,
    },
    /// There is no user name anywhere.
    #[error("no user name is given, and the operating system has none for this process")]
    NoUser,
    /// A certificate or key file cannot be used.
    #[error("cannot use {what}: {cause}")]
    Certificate {
        /// Which file.
        what: String,
        /// Why not.
        cause: String,
    },
    /// Nothing answered.
    #[error("cannot connect to {place}: {cause}")]
    Unreachable {
        /// `host:port`, or a socket's folder and port.
        place: String,
        /// What the operating system or the library said.
        cause: String,
    },
    /// The server answered, but there is no TLS that satisfies the `sslmode`.
    #[error("no TLS connection to {place}: {cause}")]
    Tls {
        /// `host:port`, or a socket's folder and port.
        place: String,
        /// What the operating system or the library said.
        cause: String,
    },
    /// The server needs a password and none is known.
    #[error("{place} asks for a password and none is given")]
    NoPassword {
        /// `host:port`, or a socket's folder and port.
        place: String,
    },
    /// The server said no.
    #[error("{place} refused the connection: {message}")]
    Refused {
        /// `host:port`, or a socket's folder and port.
        place: String,
        /// The SQLSTATE.
        code: SqlState,
        /// The server's message.
        message: String,
    },
    /// The session's settings could not be made.
    #[error("cannot prepare the session at {place}: {cause}")]
    Session {
        /// `host:port`, or a socket's folder and port.
        place: String,
        /// What the server said.
        cause: String,
    },
    /// The request to cancel did not get through.
    #[error("cannot cancel the running query: {cause}")]
    Cancel {
        /// What the operating system or the library said.
        cause: String,
    },
}

impl ConnectError {
    /// The next thing to try.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Malformed(_) => {
                "write it as postgres://USER@HOST:PORT/DATABASE?sslmode=require; \
                 in a password, write @ as %40, / as %2F, ? as %3F, # as %23, % as %25"
            }
            Self::Value { .. } => "look at the URL, the PG* variables and the service file, in this order",
            Self::Unsupported(_) => "leave the parameter out, or connect through a Unix socket or a tunnel",
            Self::Service { .. } => "set PGSERVICEFILE to the file that defines the service",
            Self::NoUser => "give the user in --database-url, or set PGUSER",
            Self::Certificate { .. } => {
                "set sslrootcert to the certificate of the server's authority, or to `system`"
            }
            Self::Unreachable { .. } => {
                "see with pg_isready whether the server runs there; check --database-url, DATABASE_URL, PGHOST, PGPORT"
            }
            Self::Tls { cause, .. } => tls_hint(cause),
            Self::NoPassword { .. } => {
                "set PGPASSWORD, or add a line host:port:database:user:password to ~/.pgpass"
            }
            Self::Refused { code, .. } => return refusal_hint(code).map(str::to_owned),
            Self::Session { .. } => "connect to the database itself, not to a pooler in transaction mode",
            Self::Cancel { .. } => return None,
        };
        Some(hint.to_owned())
    }

    /// Sorts a failure to connect by its cause.
    pub(super) fn from_open(place: String, error: &postgres::Error) -> Self {
        if let Some(refusal) = error.as_db_error() {
            let message = refusal.message().to_owned();
            return Self::Refused {
                place,
                code: refusal.code().clone(),
                message,
            };
        }
        let cause = cause_of(error);
        if cause == "password missing" {
            return Self::NoPassword { place };
        }
        if error.to_string() == TLS_FAILED {
            return Self::Tls { place, cause };
        }
        Self::Unreachable { place, cause }
    }

    /// Another host of the list would refuse as well, as libpq sees it: wrong password, no such database.
    pub(super) fn ends_search(&self) -> bool {
        !matches!(
            self,
            Self::Unreachable { .. }
                | Self::Refused {
                    code: SqlState::CANNOT_CONNECT_NOW,
                    ..
                }
        )
    }
}

/// Whether TLS was not had: the handshake failed, or the server hung up instead of answering.
pub(super) fn is_tls(error: &postgres::Error) -> bool {
    let hung_up = |cause: &std::io::Error| {
        matches!(
            cause.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
        )
    };
    error.to_string() == TLS_FAILED
        || error
            .source()
            .and_then(|cause| cause.downcast_ref())
            .is_some_and(hung_up)
}

/// The deepest cause, without the operating system's error number.
pub(super) fn cause_of(error: &postgres::Error) -> String {
    if let Some(refusal) = error.as_db_error() {
        return refusal.message().to_owned();
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    if let Some(at) = text.find(" (os error") {
        text.truncate(at);
    }
    lower_first(&text)
}

/// `Connection refused` → `connection refused`, but `TLS …` stays.
pub(super) fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

fn tls_hint(cause: &str) -> &'static str {
    if cause.contains("UnknownIssuer") {
        "set sslrootcert to the certificate of the authority that signed the server's certificate"
    } else if cause.contains("not valid for name") {
        "connect by a name in the certificate's subjectAltName (the common name does not count), \
         or use sslmode=verify-ca"
    } else if cause.contains("does not support TLS") {
        "switch ssl on at the server, or use sslmode=prefer on a network that you trust"
    } else {
        "try `openssl s_client -starttls postgres -connect HOST:PORT` to see what the server offers"
    }
}

fn refusal_hint(code: &SqlState) -> Option<&'static str> {
    if *code == SqlState::INVALID_PASSWORD {
        Some("check PGPASSWORD and the line for this server in ~/.pgpass; the first that fits is used")
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        Some("check the user name, sslmode, and the server's pg_hba.conf")
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        Some("`psql -l` lists the databases; give one in --database-url or PGDATABASE")
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        Some("wait, or end a session that is not needed; pgcleave needs two connections")
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        Some("the server is starting up or shutting down; try again in a moment")
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        Some("ask for GRANT CONNECT on the database")
    } else {
        None
    }
}
