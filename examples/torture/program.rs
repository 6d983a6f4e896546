//! pgcleave as a black box: a child process in a folder of its own.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

/// What a verb said when it ended.
#[derive(Debug, Clone)]
pub struct Said {
    pub verb: String,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn is_done(&self) -> bool {
        self.code == Some(0)
    }

    /// For a report.
    pub fn tell(&self) -> String {
        let code = match (self.code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, signal) => format!("signal {signal:?}"),
        };
        format!("pgcleave {}: {code}\n{}{}", self.verb, self.stdout, self.stderr)
    }
}

/// The binary, the folder it works in, and the table it works on.
pub struct Program {
    binary: PathBuf,
    folder: TempDir,
    url: String,
    /// As SQL would write it.
    pub table: String,
    apply_help: String,
    help: String,
}

impl Program {
    pub fn new(binary: &Path, url: String, table: String) -> Result<Self> {
        let help = |arguments: &[&str]| -> Result<String> {
            let output = Command::new(binary).args(arguments).output();
            let output = output.with_context(|| format!("can't run {}", binary.display()))?;
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        Ok(Self {
            apply_help: help(&["apply", "--help"])?,
            help: help(&["--help"])?,
            binary: binary.to_owned(),
            folder: tempfile::tempdir()?,
            url,
            table,
        })
    }

    /// Whether `apply` knows a flag.
    pub fn apply_knows(&self, flag: &str) -> bool {
        self.apply_help.contains(flag)
    }

    /// Whether there is such a verb.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.help
            .lines()
            .any(|line| line.trim_start().starts_with(&format!("{verb} ")))
    }

    /// Starts a verb; what it says goes to files, so that it never waits for us.
    pub fn start(&self, arguments: &[String]) -> Result<Child> {
        let file = |name: &str| File::create(self.folder.path().join(name));
        Command::new(&self.binary)
            .current_dir(self.folder.path())
            .env("DATABASE_URL", &self.url)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file("stdout")?)
            .stderr(file("stderr")?)
            .spawn()
            .context("pgcleave doesn't start")
    }

    /// What a child said, after its end.
    pub fn said(&self, child: &mut Child, arguments: &[String]) -> Result<Said> {
        let status = child.wait()?;
        let read = |name: &str| -> Result<String> {
            let bytes = fs::read(self.folder.path().join(name))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(Said {
            verb: arguments.join(" "),
            code: status.code(),
            signal: status.signal(),
            stdout: read("stdout")?,
            stderr: read("stderr")?,
        })
    }

    /// Runs a verb in peace.
    pub fn run(&self, arguments: &[String]) -> Result<Said> {
        let mut child = self.start(arguments)?;
        self.said(&mut child, arguments)
    }

    /// Stems of the steps, by the files that were written.
    pub fn steps(&self) -> Result<Vec<String>> {
        let out = self.folder.path().join("migrations_out");
        let Some(folder) = fs::read_dir(&out)?.next() else {
            bail!("generate wrote nothing");
        };
        let mut names: Vec<String> = fs::read_dir(folder?.path())?
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".up.sql"))
            .collect();
        names.sort();
        let stem = |name: &String| Some(name.strip_suffix(".up.sql")?.split_once('_')?.1.to_owned());
        Ok(names.iter().filter_map(stem).collect())
    }

    /// The stage that `status --format json` tells.
    pub fn stage(&self) -> Result<Option<String>> {
        let said = self.run(&words(&["status", &self.table, "--format", "json"]))?;
        if !said.is_done() {
            return Ok(None);
        }
        let report: Value = serde_json::from_str(&said.stdout).context("status --format json isn't JSON")?;
        Ok(report["stage"].as_str().map(str::to_owned))
    }
}

pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}
