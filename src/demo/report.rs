//! What the demo measured, and whether it is good enough.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use super::check::Check;
use super::phases::{Pause, Phase};
use super::writers::{Book, THINK_TIME};

/// How long the verbs took.
#[derive(Debug, Clone, Copy)]
pub struct Seconds {
    pub copy: f64,
    pub indexes: f64,
    pub catch_up: f64,
    /// From `generate` to the end of the first cutover.
    pub total: f64,
}

/// Everything that the demo found out.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub server_version: String,
    pub table: String,
    pub rows: i64,
    pub writers: usize,
    pub seconds: Seconds,
    /// The first is the one before the conversion.
    pub phases: Vec<Phase>,
    /// The switch, the cutover, the rollback, the second cutover.
    pub pauses: Vec<Pause>,
    pub checks: Vec<Check>,
    pub commits: usize,
    pub errors: u64,
    pub first_errors: Vec<String>,
    pub serialization_failures: u64,
    /// Statements that met no row where the writer knew of one, or the reverse.
    pub missed: u64,
    /// Key moves that the user's own constraints refused.
    pub refused_moves: u64,
    /// What can't be known of the user's table.
    pub limits: Option<&'static str>,
    /// How to connect to the server that was kept, and how to end it.
    pub kept: Option<String>,
}

impl Outcome {
    /// Takes over what the writers counted.
    pub fn count(&mut self, books: &[Book]) {
        self.commits = books
            .iter()
            .flat_map(|book| &book.records)
            .filter(|record| record.committed)
            .count();
        self.errors = books.iter().map(|book| book.errors).sum();
        self.first_errors = books.iter().flat_map(|book| book.first_errors.clone()).collect();
        self.first_errors.sort();
        self.first_errors.dedup();
        self.serialization_failures = books.iter().map(|book| book.serialization_failures).sum();
        self.missed = books.iter().map(|book| book.missed).sum();
        self.refused_moves = books.iter().map(|book| book.refused_moves).sum();
    }

    /// Nothing lost, nothing wrong, no error that an application saw.
    pub fn all_musts_hold(&self) -> bool {
        self.failures().is_empty()
    }

    /// Each must that doesn't hold, in a sentence.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if self.errors > 0 {
            failures.push(format!(
                "{} statements of the writers failed: {}",
                self.errors,
                self.first_errors.join("; ")
            ));
        }
        if self.missed > 0 {
            failures.push(format!(
                "{} statements of the writers didn't meet the rows that they knew",
                self.missed
            ));
        }
        if self.writers > 0 && self.commits == 0 {
            failures.push("the writers committed nothing".to_owned());
        }
        failures.extend(self.checks.iter().flat_map(Check::failures));
        failures
    }

    /// The tables, as text for a terminal.
    pub fn render(&self) -> String {
        let mut parts = vec![self.summary(), self.phase_table(), self.check_table()];
        parts.extend(self.limits.map(str::to_owned));
        let failures = self.failures();
        parts.push(match failures.as_slice() {
            [] => "Every must holds: nothing lost, stale or ghost, no error for the application.".to_owned(),
            failures => format!("FAILED:\n- {}", failures.join("\n- ")),
        });
        parts.extend(self.kept.clone());
        parts.join("\n\n") + "\n"
    }

    fn summary(&self) -> String {
        let mut table = empty_table(&[
            &format!("{} on PostgreSQL {}", self.table, self.server_version),
            "",
        ]);
        let seconds = |value: f64| format!("{value:.1} s");
        table.add_row(["rows at the start", &grouped(self.rows)]);
        table.add_row(["batch copy", &seconds(self.seconds.copy)]);
        table.add_row(["indexes", &seconds(self.seconds.indexes)]);
        table.add_row(["catch-up", &seconds(self.seconds.catch_up)]);
        table.add_row([
            "total, from generate to the cutover",
            &seconds(self.seconds.total),
        ]);
        for pause in &self.pauses {
            let what = format!("longest write pause at the {}", pause.at);
            table.add_row([what, format!("{:.0} ms", pause.longest_ms)]);
        }
        let writers = format!("transactions committed by {} writers", self.writers);
        table.add_row([writers, grouped(self.commits as i64)]);
        table.add_row([
            "application errors (must be 0)".to_owned(),
            self.errors.to_string(),
        ]);
        table.add_row([
            "statements that met the wrong rows (must be 0)".to_owned(),
            self.missed.to_string(),
        ]);
        table.add_row([
            "to be tried again: SQLSTATE 40001".to_owned(),
            self.serialization_failures.to_string(),
        ]);
        if self.refused_moves > 0 {
            table.add_row([
                "key moves refused by the table's constraints".to_owned(),
                self.refused_moves.to_string(),
            ]);
        }
        align_numbers(table).to_string()
    }

    fn phase_table(&self) -> String {
        let mut table = empty_table(&[
            "writers",
            "seconds",
            "commits/s",
            "against before",
            "mean ms",
            "longest ms",
        ]);
        let before = self
            .phases
            .first()
            .and_then(|phase| phase.commits_per_second)
            .filter(|rate| *rate > 0.0);
        let shown =
            |value: Option<f64>, digits| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
        for phase in &self.phases {
            let rate = phase.commits_per_second;
            table.add_row([
                phase.name.to_owned(),
                format!("{:.1}", phase.seconds),
                shown(rate, 0),
                shown(rate.zip(before).map(|(rate, before)| rate / before), 2),
                format!("{:.2}", phase.mean_ms),
                format!("{:.0}", phase.longest_ms),
            ]);
        }
        let pace = THINK_TIME.as_millis();
        format!(
            "{}\nEach writer waits {pace} ms between two transactions; fsync is off.",
            align_numbers(table)
        )
    }

    fn check_table(&self) -> String {
        let mut table = empty_table(&[
            "content",
            "rows",
            "lost",
            "stale",
            "ghost",
            "against the other table",
            "dependents",
        ]);
        for check in &self.checks {
            table.add_row([
                format!("after {}", check.after),
                grouped(check.rows),
                check.lost.to_string(),
                check.stale.to_string(),
                check.ghost.to_string(),
                format!("{} differences", check.only_here + check.only_there),
                if check.broken.is_empty() {
                    "ok".to_owned()
                } else {
                    "FAILED".to_owned()
                },
            ]);
        }
        align_numbers(table).to_string()
    }
}

fn empty_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(header.iter().copied());
    table
}

fn align_numbers(mut table: Table) -> Table {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// `1,000,000`
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_digits_by_threes() {
        let all: Vec<String> = [0, 999, 1000, 1_234_567, -45_678]
            .into_iter()
            .map(grouped)
            .collect();
        assert_eq!(all, ["0", "999", "1,000", "1,234,567", "-45,678"]);
    }
}
