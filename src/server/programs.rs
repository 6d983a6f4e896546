//! Where PostgreSQL's programs are.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{BIN_VARIABLE, ServerError};

/// The folder with PostgreSQL's server programs.
#[derive(Debug, Clone)]
pub struct Programs {
    pub(super) bin: PathBuf,
}

impl Programs {
    /// Looks in `PGCLEAVE_PG_BIN`, `PATH`, Debian's folders (newest first) and asks `pg_config`.
    ///
    /// # Errors
    /// When the programs are nowhere.
    pub fn find() -> Result<Self, ServerError> {
        if let Some(bin) = std::env::var_os(BIN_VARIABLE).filter(|value| !value.is_empty()) {
            return Self::at(&bin).ok_or_else(|| ServerError::NotThere(bin.into()));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(debian_folders())
            .find_map(Self::at)
            .or_else(|| pg_config_folder().and_then(Self::at))
            .ok_or(ServerError::NotFound)
    }

    /// Takes a folder that holds the programs.
    pub fn at(bin: impl AsRef<Path>) -> Option<Self> {
        let bin = bin.as_ref();
        let complete = ["initdb", "pg_ctl", "postgres"]
            .iter()
            .all(|name| bin.join(name).is_file());
        complete.then(|| Self { bin: bin.to_owned() })
    }

    /// Where they are.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The program of that name (`psql`, `pg_dump` …): theirs, else the one in `PATH`.
    pub fn program(&self, name: &str) -> PathBuf {
        let own = self.bin.join(name);
        if own.is_file() { own } else { PathBuf::from(name) }
    }

    /// The server's version, as `15.18`.
    ///
    /// # Errors
    /// When `postgres --version` doesn't run.
    pub fn version(&self) -> Result<String, ServerError> {
        let text = run(Command::new(self.bin.join("postgres")).arg("--version"))?;
        // `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`
        let number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
        Ok(text
            .split_whitespace()
            .find(number)
            .unwrap_or("unknown")
            .to_owned())
    }
}

/// `/usr/lib/postgresql/*/bin`, newest first.
fn debian_folders() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/usr/lib/postgresql") else {
        return Vec::new();
    };
    let version = |name: &OsStr| name.to_str().and_then(|text| text.parse::<f64>().ok());
    let mut found: Vec<(f64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((version(&entry.file_name())?, entry.path().join("bin"))))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn pg_config_folder() -> Option<PathBuf> {
    let folder = run(Command::new("pg_config").arg("--bindir")).ok()?;
    Some(PathBuf::from(folder.trim()))
}

/// Runs a program to its end; its stdout, or what it said when it failed.
pub(super) fn run(command: &mut Command) -> Result<String, ServerError> {
    let program = PathBuf::from(command.get_program());
    let output = match command.output() {
        Ok(output) => output,
        Err(source) => return Err(ServerError::Run { program, source }),
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(stdout.into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(ServerError::Failed {
        program,
        output: format!("{}\n{}", stderr.trim(), stdout.trim()).trim().to_owned(),
    })
}
