//! Runs the program itself, as its user would.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use super::DemoError;
use super::phases::Window;

/// `pgcleave` in a folder of its own, on one database.
#[derive(Debug)]
pub struct Pgcleave {
    pub program: PathBuf,
    pub folder: PathBuf,
    pub url: String,
}

/// The exit code of a refusal.
const REFUSED: i32 = 4;

impl Pgcleave {
    /// Runs one verb to its end and says when that was.
    pub fn run(&self, arguments: &[&str]) -> Result<Window, DemoError> {
        let start = Instant::now();
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).env("NO_COLOR", "1");
        command.args(["--database-url", &self.url]).args(arguments);
        let output = command.output().map_err(|source| DemoError::Run {
            program: self.program.clone(),
            source,
        })?;
        let window = Window {
            start,
            end: Instant::now(),
        };
        if output.status.success() {
            return Ok(window);
        }
        let said = said(&output.stdout, &output.stderr);
        let command = format!("pgcleave {}", arguments.join(" "));
        match output.status.code() {
            Some(REFUSED) => Err(DemoError::Refused { command, said }),
            code => Err(DemoError::Verb {
                command,
                code: code.unwrap_or(-1),
                said,
            }),
        }
    }
}

/// Errors are on stderr; what comes before them on stdout is the result.
fn said(stdout: &[u8], stderr: &[u8]) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
    let text = if stderr.trim().is_empty() { stdout } else { stderr };
    text.trim().to_owned()
}
