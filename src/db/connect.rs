//! Finds the server as libpq does and opens a session on it.
//!
//! A parameter comes from the connection string, else from the service it names, else from its `PG*` variable,
//! else it has libpq's default. Manual: <https://www.postgresql.org/docs/current/libpq-connect.html>.

mod conninfo;
mod failure;
mod resolve;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use postgres::config::SslMode as WireMode;
use postgres::error::{DbError, SqlState};
use postgres::{CancelToken, Client, Config};

use super::tls::{SslMode, TlsSettings};
pub(super) use conninfo::{Conninfo, expected};
pub use failure::ConnectError;
use failure::cause_of;

/// Where variables come from: `&|name| std::env::var(name).ok()` in the program, a table in tests.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What every session of pgcleave starts with.
const SESSION: &str = "\
    SET search_path = pg_catalog, pg_temp; \
    SET row_security = off; \
    SET idle_in_transaction_session_timeout = '60s'; \
    SET lock_timeout = '2s'; \
    SET statement_timeout = 0; \
    SET default_transaction_read_only = off; \
    SET standard_conforming_strings = on; \
    SET DateStyle = 'ISO, YMD'; \
    SET IntervalStyle = 'postgres'; \
    SET TimeZone = 'UTC'; \
    SET extra_float_digits = 1";
// search_path: nobody's function or operator can stand in for a built-in one; all other names are qualified.
// row_security: a policy that would hide rows from a copy or a comparison is an error.
// idle_in_transaction_session_timeout: a pgcleave that hangs between two statements keeps no lock and no snapshot.
// lock_timeout: a waiting lock request stops everybody behind it; callers retry.
// statement_timeout: a copy is long, whatever the role's default; callers set their own where it is short.
// default_transaction_read_only: a role's default must not stop what the user asked for.
// standard_conforming_strings: our queries' backslashes are plain characters.
// DateStyle, IntervalStyle, TimeZone, extra_float_digits: bounds and checksums read the same on every machine.

/// One server that may answer.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    /// A host name, an address or a socket directory; also the name that TLS checks.
    host: String,
    address: Option<IpAddr>,
    port: u16,
    password: Option<String>,
}

/// What becomes of the server's notices: this module does not print.
#[derive(Clone)]
pub struct Notices(Arc<dyn Fn(&DbError) + Send + Sync>);

impl Notices {
    /// Hands each notice to `tell`.
    pub fn new(tell: impl Fn(&DbError) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

/// A database and the way to it.
#[derive(Clone)]
pub struct Target {
    places: Vec<Place>,
    user: String,
    dbname: String,
    /// What is the same at every place.
    settings: Config,
    tls: TlsSettings,
    warnings: Vec<String>,
}

impl Target {
    /// Sends the notices of sessions opened from here on to `notices`.
    pub fn with_notices(mut self, notices: Notices) -> Self {
        self.settings.notice_callback(move |notice| (notices.0)(&notice));
        self
    }

    /// Opens a session with pgcleave's settings at the first place that answers.
    ///
    /// # Errors
    /// When none does, or one refuses.
    pub fn open(&self) -> Result<Client, ConnectError> {
        let mut failure = None;
        for place in &self.places {
            match self.open_at(place) {
                Err(error) if !error.ends_search() => failure = Some(error),
                result => return self.prepare(place, result?),
            }
        }
        Err(failure.unwrap_or(ConnectError::Unreachable {
            place: self.describe(),
            cause: "no server is named".to_owned(),
        }))
    }

    /// Asks the server to cancel what the session of this token runs, over TLS if the session uses it.
    ///
    /// # Errors
    /// When the request doesn't get through; that there was nothing to cancel is none.
    pub fn cancel(&self, token: &CancelToken) -> Result<(), ConnectError> {
        let any_remote = self.places.iter().any(|place| !place.is_socket());
        let mode = if any_remote {
            self.tls.mode
        } else {
            SslMode::Disable
        };
        let cancelled = token.cancel_query(self.tls.connector(mode)?);
        cancelled.map_err(|error| ConnectError::Cancel {
            cause: cause_of(&error),
        })
    }

    /// `database at host:port as user`, for people to read.
    pub fn describe(&self) -> String {
        let places: Vec<String> = self.places.iter().map(Place::to_string).collect();
        format!("{} at {} as {}", self.dbname, places.join(", "), self.user)
    }

    /// What was passed over while resolving and the user should know, such as an unsafe password file.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn open_at(&self, place: &Place) -> Result<Client, ConnectError> {
        let mode = if place.is_socket() {
            SslMode::Disable
        } else {
            self.tls.mode
        };
        let connector = self.tls.connector(mode)?;
        let first = match self.config(place, mode.on_the_wire()).connect(connector.clone()) {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        // As libpq: prefer takes a connection without TLS if the one with TLS fails for TLS' sake.
        if mode == SslMode::Prefer
            && (first.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
                || failure::is_tls(&first))
            && let Ok(client) = self.config(place, WireMode::Disable).connect(connector)
        {
            return Ok(client);
        }
        Err(ConnectError::from_open(place.to_string(), &first))
    }

    fn config(&self, place: &Place, mode: WireMode) -> Config {
        let mut config = self.settings.clone();
        config.host(&place.host).port(place.port).ssl_mode(mode);
        if let Some(address) = place.address {
            config.hostaddr(address);
        }
        if let Some(password) = &place.password {
            config.password(password);
        }
        config
    }

    fn prepare(&self, place: &Place, mut client: Client) -> Result<Client, ConnectError> {
        let failed = |error| ConnectError::Session {
            place: place.to_string(),
            cause: cause_of(&error),
        };
        client.batch_execute(SESSION).map_err(failed)?;
        // Best effort, as not every platform has it: a killed pgcleave's CALL ends with its client.
        let _ = client.batch_execute("SET client_connection_check_interval = '2s'");
        Ok(client)
    }
}

impl Place {
    fn is_socket(&self) -> bool {
        self.address.is_none() && self.host.starts_with('/')
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for Target {
    /// Shows what `describe` shows: a derived one would show the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("at", &self.describe())
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}
