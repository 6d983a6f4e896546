//! A throwaway PostgreSQL server: for `demo` and for the tests.
//!
//! Each [`Server`] is a cluster of its own in a temporary folder, which also
//! holds its Unix socket, so any number of them run side by side.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Uid, User};
use postgres::NoTls;
use tempfile::TempDir;

use crate::sql::Ident;

mod failure;
mod programs;

pub use failure::ServerError;
pub use programs::Programs;
use programs::run;

/// Names the folder with PostgreSQL's programs, before any search.
pub const BIN_VARIABLE: &str = "PGCLEAVE_PG_BIN";

/// Every cluster's superuser; connections are trusted.
const SUPERUSER: &str = "postgres";

/// A socket's whole path must fit `sun_path` (107 bytes): what is left for its folder.
const MAX_FOLDER_BYTES: usize = 80;

/// Lines of the server's log that an error shows.
const LOG_TAIL_LINES: usize = 15;

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Sessions are ended, data is written.
    Fast,
    /// As in a crash: the next start recovers.
    Immediate,
}

impl Stop {
    fn as_mode(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

/// A running throwaway cluster; dropping it stops it and removes its folder.
#[derive(Debug)]
pub struct Server {
    programs: Programs,
    /// None once the server is kept.
    folder: Option<TempDir>,
    path: PathBuf,
    account: Option<User>,
    port: u16,
}

impl Server {
    /// Makes a cluster and starts it, with these settings after our own (`fsync` is off, no TCP).
    ///
    /// # Errors
    /// When `initdb` or `pg_ctl` fails; the message holds what they said.
    pub fn start(programs: &Programs, settings: &[(&str, &str)]) -> Result<Self, ServerError> {
        let folder = make_folder()?;
        let path = folder.path().to_owned();
        let port = settings.iter().rev().find(|(name, _)| *name == "port");
        let port = port.and_then(|(_, value)| value.parse().ok()).unwrap_or(5432);
        let server = Self {
            programs: programs.clone(),
            folder: Some(folder),
            path,
            account: server_account()?,
            port,
        };
        server.prepare(settings)?;
        server.pg_ctl_start()?;
        Ok(server)
    }

    /// A URL for libpq and Rust alike, through the Unix socket.
    pub fn url(&self, dbname: &str) -> String {
        let folder = percent_encode(&self.path.to_string_lossy());
        format!(
            "postgresql://{SUPERUSER}@{folder}:{}/{}",
            self.port,
            percent_encode(dbname)
        )
    }

    /// The folder of the socket: libpq's `host`.
    pub fn socket_dir(&self) -> &Path {
        &self.path
    }

    /// The port in the socket's name, and TCP's if `listen_addresses` was given.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser's name; no password.
    pub fn user(&self) -> &'static str {
        SUPERUSER
    }

    /// The programs that it runs from.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Creates an empty database.
    ///
    /// # Errors
    /// When the server says no.
    pub fn create_database(&self, name: &str) -> Result<(), ServerError> {
        let mut client = postgres::Client::connect(&self.url("postgres"), NoTls)?;
        client.batch_execute(&format!("CREATE DATABASE {}", Ident::new(name)?))?;
        Ok(())
    }

    /// Stops it; `restart` brings it back.
    ///
    /// # Errors
    /// When it doesn't stop.
    pub fn stop(&self, how: Stop) -> Result<(), ServerError> {
        let mut command = self.command("pg_ctl");
        command
            .arg("stop")
            .arg("-w")
            .args(["-m", how.as_mode(), "-D"])
            .arg(self.data());
        run(&mut command).map(drop)
    }

    /// Starts it again, after a fast stop if it still runs.
    ///
    /// # Errors
    /// When it doesn't stop or start.
    pub fn restart(&self) -> Result<(), ServerError> {
        if self.data().join("postmaster.pid").exists() {
            self.stop(Stop::Fast)?;
        }
        self.pg_ctl_start()
    }

    /// Leaves it running for good and says where it lives.
    pub fn keep(mut self) -> PathBuf {
        if let Some(folder) = self.folder.take() {
            let _ = folder.keep();
        }
        self.path.clone()
    }

    /// The command that ends a kept server.
    pub fn stop_command(&self) -> String {
        let pg_ctl = self.programs.program("pg_ctl");
        let command = format!("{} stop -m fast -D {}", pg_ctl.display(), self.data().display());
        match &self.account {
            Some(user) => format!("runuser -u {} -- {command}", user.name),
            None => command,
        }
    }

    /// What the server logged so far.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.path.join("log")
    }

    fn prepare(&self, settings: &[(&str, &str)]) -> Result<(), ServerError> {
        if let Some(user) = &self.account {
            let done = chown(&self.path, Some(user.uid.as_raw()), Some(user.gid.as_raw()));
            done.map_err(|source| folder_error(&self.path, source))?;
        }
        let mut initdb = self.command("initdb");
        initdb.args([
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
            "-A",
            "trust",
            "-U",
            SUPERUSER,
            "-D",
        ]);
        run(initdb.arg(self.data()))?;
        let config = self.data().join("postgresql.conf");
        let text = fs::read_to_string(&config).map_err(|source| folder_error(&config, source))?;
        let text = text + &self.settings_text(settings);
        fs::write(&config, text).map_err(|source| folder_error(&config, source))
    }

    /// The last line for a setting is the one that counts.
    fn settings_text(&self, settings: &[(&str, &str)]) -> String {
        let folder = self.path.to_string_lossy();
        let ours = [
            ("unix_socket_directories", &*folder),
            ("listen_addresses", ""),
            ("fsync", "off"),
            // Checkpoints in the middle of a bulk load only cost time here.
            ("max_wal_size", "4GB"),
        ];
        let all = ours.iter().chain(settings);
        all.map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''")))
            .collect()
    }

    fn pg_ctl_start(&self) -> Result<(), ServerError> {
        let mut command = self.command("pg_ctl");
        command
            .args(["start", "-w", "-t", "60", "-D"])
            .arg(self.data())
            .arg("-l")
            .arg(self.log_path());
        run(&mut command).map(drop).map_err(|error| match error {
            ServerError::Failed { output, .. } => ServerError::Start {
                output,
                log: log_tail(&self.log()),
            },
            other => other,
        })
    }

    /// One of the programs, as the server's user and from a folder that this user may enter.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.bin.join(name));
        command.current_dir(&self.path);
        // These would steer the programs to another server, or translate their messages.
        for (variable, _) in std::env::vars_os().filter(|(name, _)| is_libpq_variable(name)) {
            command.env_remove(variable);
        }
        command.env("LC_ALL", "C");
        if let Some(user) = &self.account {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.folder.is_some() {
            // Nothing sensible is left to do when this fails; the folder goes anyway.
            let _ = self.stop(Stop::Immediate);
        }
    }
}

fn is_libpq_variable(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("PG") && name != BIN_VARIABLE
}

/// The folder under `TMPDIR`, or under `/tmp` where that is too long for a socket.
fn make_folder() -> Result<TempDir, ServerError> {
    let mut parent = std::env::temp_dir();
    if parent.as_os_str().len() > MAX_FOLDER_BYTES - "/pgcleave-123456".len() || parent.is_relative() {
        parent = PathBuf::from("/tmp");
    }
    let folder = tempfile::Builder::new()
        .prefix("pgcleave-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(&parent);
    folder.map_err(|source| folder_error(&parent, source))
}

/// Whom to run the server as: None is ourselves.
fn server_account() -> Result<Option<User>, ServerError> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        let found = User::from_name(name).map_err(|source| ServerError::User { name, source })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Err(ServerError::NoUser)
}

fn folder_error(path: &Path, source: io::Error) -> ServerError {
    ServerError::Folder {
        path: path.to_owned(),
        source,
    }
}

fn log_tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}

/// Everything but unreserved characters is encoded, so a folder can be a URL's host.
fn percent_encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(server: &Server, dbname: &str) -> i64 {
        let mut client = postgres::Client::connect(&server.url(dbname), NoTls).unwrap();
        client
            .query_one("SELECT count(*) FROM pg_database", &[])
            .unwrap()
            .get(0)
    }

    #[test]
    fn starts_stops_restarts_and_removes_a_server() {
        let programs = Programs::find().unwrap();
        assert!(
            programs
                .version()
                .unwrap()
                .starts_with(|c: char| c.is_ascii_digit())
        );
        let server = Server::start(&programs, &[("work_mem", "8MB")]).unwrap();
        server.create_database("odd \"name'/%").unwrap();
        assert_eq!(count(&server, "odd \"name'/%"), 4);
        server.restart().unwrap();
        server.stop(Stop::Immediate).unwrap();
        server.restart().unwrap();
        assert_eq!(count(&server, "postgres"), 4);
        let folder = server.socket_dir().to_owned();
        drop(server);
        assert!(!folder.exists());
    }

    #[test]
    fn runs_servers_side_by_side() {
        let programs = Programs::find().unwrap();
        let one = std::thread::spawn({
            let programs = programs.clone();
            move || Server::start(&programs, &[]).unwrap()
        });
        let two = Server::start(&programs, &[]).unwrap();
        let one = one.join().unwrap();
        one.create_database("only_here").unwrap();
        assert_eq!((count(&one, "postgres"), count(&two, "postgres")), (4, 3));
    }

    #[test]
    fn shows_the_log_of_a_server_that_does_not_start() {
        let error = Server::start(&Programs::find().unwrap(), &[("work_mem", "much")]).unwrap_err();
        assert!(error.to_string().contains("work_mem"), "{error}");
        assert!(error.hint().is_some());
    }
}
