//! What the files of several runners have in common.

use super::{Down, Migration, Runner};
use crate::migration::Mode;
use crate::plan::Step;

/// A deploy may come long after the one that verified the copy.
pub const STALE: &str = "refuses a verification of the copy that is over an hour old (pgcleave.verified_within): run pgcleave verify right before it";

/// Comment lines of a file's header: its name and title, what the step's header says, what the runner's user must know.
pub fn comment(mark: &str, name: &str, runner: &dyn Runner, migration: &Migration) -> String {
    let mut text = format!("{mark} {name}: {}\n", migration.title);
    for line in &migration.header {
        text.push_str(&format!("{mark} {line}\n"));
    }
    let of_step = (migration.step == Step::CutOver).then_some(STALE);
    for remark in runner.remarks().iter().copied().chain(of_step) {
        text.push_str(&format!("{mark} Runner: {remark}\n"));
    }
    text
}

/// What a direction runs, where the runner wants something to run in any case.
pub fn something(down: &Down) -> String {
    down.script()
        .map_or_else(|| NOTHING.to_owned(), |script| script.in_runners_transaction())
}

/// A statement for a step that has nothing to undo.
pub const NOTHING: &str = "SELECT 1; -- there is nothing to undo\n";

/// The same as one statement, for runners whose files say once for both directions that there is no transaction.
pub fn something_as_one(migration: &Migration) -> String {
    match migration.up.mode {
        Mode::Transaction => something(&migration.down),
        Mode::SingleStatement => migration
            .down
            .script()
            .map_or_else(|| NOTHING.to_owned(), |script| script.as_one_statement()),
    }
}

/// The text with lines behind it, with the line ends that it has.
pub fn with_lines(text: &str, lines: &[String]) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut all = text.to_owned();
    if !lines.is_empty() && !text.is_empty() && !text.ends_with('\n') {
        all.push_str(end);
    }
    lines.iter().for_each(|line| all.extend([line, end]));
    all
}

/// `OrdersCreateCopy` for `orders_create_copy`.
pub fn camel_case(slug: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    slug.split('_').map(word).collect()
}
