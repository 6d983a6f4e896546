//! Other programs: pgcleave, psql, pg_dump.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use pgcleave::server::Server;

/// What a program said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Result<Said> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{:?}", command.get_program()))?;
    Ok(Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The binary that cargo built beside the examples.
pub fn beside() -> Result<PathBuf> {
    let example = std::env::current_exe()?;
    let folder = example
        .parent()
        .and_then(Path::parent)
        .context("no folder above the example")?;
    let program = folder.join("pgcleave");
    if program.is_file() {
        return Ok(program);
    }
    Err(anyhow!(
        "no {}: cargo build, or name it by --program",
        program.display()
    ))
}

/// A client program: the server's own, the newest of the tests' servers', or the one in PATH.
pub fn client(server: &Server, name: &str) -> PathBuf {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/target/postgres/client/bin");
    let folders = [server.programs().bin(), Path::new(tests)];
    let found = folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| PathBuf::from(name))
}

/// The database's structure as pg_dump writes it, but for its random key.
pub fn dump(server: &Server, database: &str) -> Result<String> {
    let mut command = Command::new(client(server, "pg_dump"));
    let said = run(command
        .args(["--schema-only", "--dbname"])
        .arg(server.url(database)))?;
    if said.code != 0 {
        bail!("pg_dump: {}", said.stderr);
    }
    let is_random = |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
    Ok(said
        .stdout
        .lines()
        .filter(is_random)
        .map(|line| format!("{line}\n"))
        .collect())
}
