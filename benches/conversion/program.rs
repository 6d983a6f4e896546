//! Runs pgcleave as its user does, and looks at the clock and at its memory.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A run that ended well.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    pub start: Instant,
    pub end: Instant,
    /// The greatest resident size, in MiB; None where there is no `/proc`, or when the program was too quick for it.
    pub peak: Option<f64>,
}

impl Run {
    pub fn seconds(&self) -> f64 {
        (self.end - self.start).as_secs_f64()
    }
}

/// pgcleave in this folder, on this database.
///
/// # Errors
/// When it ends with another exit code than 0; with what it said.
pub fn run(folder: &Path, url: &str, arguments: &[&str]) -> Result<Run> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgcleave"));
    command
        .current_dir(folder)
        .env("DATABASE_URL", url)
        .env("NO_COLOR", "1")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let start = Instant::now();
    let child = command.spawn().context("can't run pgcleave")?;
    let (pid, ended) = (child.id(), Arc::new(AtomicBool::new(false)));
    let watched = Arc::clone(&ended);
    let watch = thread::spawn(move || watch_memory(pid, &watched));
    let output = child.wait_with_output();
    let end = Instant::now();
    ended.store(true, Ordering::Relaxed);
    let peak = watch.join().ok().flatten();
    let output = output?;
    if output.status.success() {
        return Ok(Run { start, end, peak });
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    bail!(
        "pgcleave {}: {}\n{}\n{}",
        arguments.join(" "),
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
}

/// The kernel keeps the peak, so that only what happens after the last look is missed.
fn watch_memory(pid: u32, ended: &AtomicBool) -> Option<f64> {
    let mut peak = None;
    while !ended.load(Ordering::Relaxed) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        peak = kilobytes.map(|kb| kb / 1024.0).or(peak);
        thread::sleep(Duration::from_millis(20));
    }
    peak
}
