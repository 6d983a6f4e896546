//! What happened, counted; and the table of it at the end.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use comfy_table::{Table, presets};

/// Figures that are shown even when they are nought, in this order.
const ALWAYS: [&str; 16] = [
    "runs",
    "schemas refused",
    "conversions begun",
    "cutovers",
    "rollbacks of the cutover",
    "rollbacks to the start",
    "retired tables dropped",
    "commits",
    "40001 (to be retried)",
    "deadlocks (40P01)",
    "application errors",
    "lost",
    "stale",
    "ghost",
    "snapshot differences",
    "other failures",
];

/// Figures of which any but nought means failure.
const FATAL: [&str; 6] = [
    "application errors",
    "lost",
    "stale",
    "ghost",
    "snapshot differences",
    "other failures",
];

/// Complaints of one kind that are kept, and characters of each.
const SHOWN: usize = 4;
const SHOWN_LENGTH: usize = 1600;

/// Counters of one run or of all.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Mutex<BTreeMap<String, u64>>,
    longest: Mutex<(Duration, String)>,
    complaints: Mutex<Vec<String>>,
}

/// A panic elsewhere must not hide what was counted.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    pub fn count(&self, what: &str) {
        self.add(what, 1);
    }

    pub fn add(&self, what: &str, number: u64) {
        *lock(&self.counts).entry(what.to_owned()).or_default() += number;
    }

    pub fn read(&self, what: &str) -> u64 {
        lock(&self.counts).get(what).copied().unwrap_or_default()
    }

    /// Counts a failure and says it.
    pub fn complain(&self, what: &str, message: impl Into<String>) {
        self.count(what);
        let mut complaints = lock(&self.complaints);
        // The first of each kind tell the story; a broken run can produce thousands.
        let same = complaints.iter().filter(|c| c.starts_with(what)).count();
        if same < SHOWN {
            let message: String = message.into().chars().take(SHOWN_LENGTH).collect();
            complaints.push(format!("{what}: {message}"));
        }
    }

    pub fn complaints(&self) -> Vec<String> {
        lock(&self.complaints).clone()
    }

    /// Remembers the longest statement of an application.
    pub fn waited(&self, time: Duration, statement: &str) {
        let mut longest = lock(&self.longest);
        if time > longest.0 {
            *longest = (time, statement.chars().take(60).collect());
        }
    }

    pub fn is_clean(&self) -> bool {
        FATAL.iter().all(|what| self.read(what) == 0)
    }

    /// Adds a run's figures to these.
    pub fn absorb(&self, run: &Self) {
        for (what, number) in lock(&run.counts).iter() {
            self.add(what, *number);
        }
        let longest = lock(&run.longest).clone();
        self.waited(longest.0, &longest.1);
    }

    /// One line for a run that is over.
    pub fn line(&self) -> String {
        let faults: u64 = lock(&self.counts)
            .iter()
            .filter(|(what, _)| what.starts_with("fault: "))
            .map(|(_, number)| number)
            .sum();
        format!(
            "{} commits, {faults} faults, {} cutovers, {} rollbacks",
            self.read("commits"),
            self.read("cutovers"),
            self.read("rollbacks of the cutover") + self.read("rollbacks to the start")
        )
    }

    /// The summary.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_header(["what", "how many"]);
        for what in ALWAYS {
            table.add_row([what.to_owned(), self.read(what).to_string()]);
        }
        let counts = lock(&self.counts);
        for (what, number) in counts.iter().filter(|(what, _)| !ALWAYS.contains(&what.as_str())) {
            table.add_row([what.clone(), number.to_string()]);
        }
        let longest = lock(&self.longest);
        table.add_row([
            "longest statement, injected faults included".to_owned(),
            format!("{} ms: {}", longest.0.as_millis(), longest.1),
        ]);
        table
    }
}
