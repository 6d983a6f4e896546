//! Progress on stderr: a spinner for a step, a bar for the batch copy and for a verification.

use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use crate::apply::{Progress, Reporter};

/// Shows a run's progress; hidden where stderr is no terminal.
pub struct Bar {
    bar: ProgressBar,
    quiet: bool,
    began: Instant,
    first: Option<Progress>,
}

impl Bar {
    pub fn new(quiet: bool) -> Self {
        Self {
            bar: ProgressBar::hidden(),
            quiet,
            began: Instant::now(),
            first: None,
        }
    }
}

impl Reporter for Bar {
    fn begin(&mut self, title: &str, is_long: bool) {
        self.began = Instant::now();
        self.first = None;
        if self.quiet {
            return;
        }
        let template = if is_long {
            "{spinner} {prefix} {bar:12} {percent}% {msg}"
        } else {
            "{spinner} {prefix} {msg}"
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.bar = ProgressBar::new(1)
            .with_style(style)
            .with_prefix(title.to_owned());
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    fn progress(&mut self, now: Progress) {
        let first = self.first.get_or_insert_with(|| now.clone());
        if now.indexes_built < now.indexes_total {
            self.bar.set_length(now.indexes_total.unsigned_abs());
            self.bar.set_position(now.indexes_built.unsigned_abs());
            self.bar.set_message(describe_indexes(&now));
            return;
        }
        self.bar.set_length(now.blocks_total.max(1).unsigned_abs());
        self.bar.set_position(now.blocks_done.unsigned_abs());
        self.bar.set_message(describe(first, &now, self.began.elapsed()));
    }

    fn notice(&mut self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| eprintln!("warning: {text}"));
        }
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }
}

/// Rows, rows per second, backlog, time left at the pace since this run began.
fn describe(first: &Progress, now: &Progress, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let rows = now.rows_copied - first.rows_copied;
    let mut text = format!(
        "{} rows, {} rows/s, backlog {}",
        HumanCount(now.rows_copied.unsigned_abs()),
        HumanCount((rows.max(0) as f64 / seconds) as u64),
        backlog(now),
    );
    let (blocks, left) = (
        now.blocks_done - first.blocks_done,
        now.blocks_total - now.blocks_done,
    );
    if blocks > 0 && left > 0 {
        let remaining = Duration::from_secs_f64(left as f64 * seconds / blocks as f64);
        text.push_str(&format!(", {} left", HumanDuration(remaining)));
    }
    text + &waiting(now)
}

/// Indexes of partitions, and the backlog that grows meanwhile.
fn describe_indexes(now: &Progress) -> String {
    format!(
        "{} of {} indexes, backlog {}{}",
        now.indexes_built,
        now.indexes_total,
        backlog(now),
        waiting(now)
    )
}

fn backlog(now: &Progress) -> String {
    let more = if now.backlog >= Progress::BACKLOG_LIMIT {
        "+"
    } else {
        ""
    };
    format!("{}{more}", HumanCount(now.backlog.unsigned_abs()))
}

fn waiting(now: &Progress) -> String {
    let reason = now.waiting_for.as_ref();
    reason.map_or_else(String::new, |reason| format!(", WAITING: {reason}"))
}

/// A bar for work that is counted in blocks; hidden where stderr is no terminal.
pub fn blocks(quiet: bool, what: &str) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let template = "{spinner} {prefix} {bar:20} {percent}% of {len} blocks, {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(1).with_style(style).with_prefix(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
