//! How a file differs, hunk by hunk.

use serde::Serialize;
use similar::{Change, ChangeTag, TextDiff};

use crate::cli::existing::Difference;
use crate::cli::made_by;

/// How a file differs from what pgcleave writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Changed,
    Missing,
    /// It is there though pgcleave writes no such file.
    Extra,
}

/// A file that isn't as pgcleave writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// Relative to the working folder.
    pub path: String,
    pub state: State,
    /// The version of pgcleave that wrote it, where that is another than this one.
    pub made_by: Option<String>,
    /// Whether it isn't as any pgcleave wrote it last: edited by hand, not left behind by a change of the spec.
    pub edited: bool,
    /// From what pgcleave writes to what is on disk; for a changed file.
    pub diff: Option<String>,
    #[serde(skip)]
    pub hunks: Vec<Hunk>,
}

/// Lines that differ, with those around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The first changed line of the file on disk, from 1.
    pub line: usize,
    pub text: String,
}

impl FileReport {
    pub fn of(difference: &Difference) -> Self {
        let path = difference.path.display().to_string();
        let found = difference.found.as_deref();
        let version = found.and_then(made_by::version_of);
        let mut report = Self {
            state: State::Missing,
            made_by: version.filter(|v| *v != made_by::THIS).map(str::to_owned),
            edited: false,
            diff: None,
            hunks: Vec::new(),
            path,
        };
        match (&difference.expected, found) {
            (None, _) => report.state = State::Extra,
            (Some(_), None) => report.state = State::Missing,
            (Some(expected), Some(found)) => {
                report.state = State::Changed;
                report.compare(expected, &made_by::as_by_this(found));
            }
        }
        report
    }

    fn compare(&mut self, expected: &str, found: &str) {
        let diff = TextDiff::from_lines(expected, found);
        let mut unified = diff.unified_diff();
        unified.header(
            &format!("generated/{}", self.path),
            &format!("on disk/{}", self.path),
        );
        self.diff = Some(unified.to_string());
        let last_line = found.lines().count().max(1);
        for hunk in unified.iter_hunks() {
            self.hunks.push(Hunk {
                line: first_changed_line(hunk.iter_changes()).min(last_line),
                text: hunk.to_string(),
            });
        }
    }
}

/// Of the file on disk; where lines are gone, the one behind them.
fn first_changed_line<'a>(changes: impl Iterator<Item = Change<&'a str>>) -> usize {
    let mut behind = 0;
    for change in changes {
        match (change.tag(), change.new_index()) {
            (ChangeTag::Equal, Some(index)) => behind = index + 1,
            (_, index) => return index.unwrap_or(behind) + 1,
        }
    }
    behind.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(expected: Option<&str>, found: Option<&str>) -> FileReport {
        FileReport::of(&Difference {
            path: "a.sql".into(),
            expected: expected.map(str::to_owned),
            found: found.map(str::to_owned),
        })
    }

    #[test]
    fn a_hunk_knows_the_first_line_that_differs_on_disk() {
        let text: String = (1..=30).map(|n| format!("{n}\n")).collect();
        let changed = text.replace("\n4\n", "\nfour\n").replace("\n20\n", "\n");
        let report = report(Some(&text), Some(&changed));
        let lines: Vec<usize> = report.hunks.iter().map(|h| h.line).collect();
        assert_eq!(lines, [4, 20], "{:?}", report.hunks);
        assert!(report.hunks[0].text.contains("-4\n+four\n"));
        let first = |found: &str| super::tests::report(Some("a\nb\n"), Some(found)).hunks[0].line;
        assert_eq!((first("b\n"), first("x\na\nb\n"), first("")), (1, 1, 1));
    }

    #[test]
    fn files_that_are_missing_or_too_many_have_no_diff() {
        let (missing, extra) = (report(Some("a"), None), report(None, Some("a")));
        assert_eq!((missing.state, missing.diff), (State::Missing, None));
        assert_eq!((extra.state, extra.diff), (State::Extra, None));
    }
}
