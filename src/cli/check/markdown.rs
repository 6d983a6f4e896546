//! The report as a review comment.

use super::file_report::{FileReport, State};
use super::report::{TableReport, counted};
use super::text;

/// Characters; GitHub's comments end at 65,536.
const LONGEST: usize = 60_000;

/// What is kept for the note at the end of a report that is cut.
const NOTE: usize = 200;

pub fn markdown(reports: &[TableReport]) -> String {
    let mut blocks = vec![title(reports)];
    blocks.extend(reports.iter().map(lines));
    blocks.extend(reports.iter().flat_map(|r| &r.differences).map(difference));
    cut(blocks)
}

fn title(reports: &[TableReport]) -> String {
    let different = reports.iter().filter(|report| report.is_different()).count();
    match different {
        0 => "### pgcleave check: nothing differs\n".to_owned(),
        _ => format!(
            "### pgcleave check: {different} of {} {}\n",
            counted(reports.len(), "table"),
            if different == 1 { "differs" } else { "differ" }
        ),
    }
}

fn lines(report: &TableReport) -> String {
    fenced("text", &format!("{}\n", text::lines(report).join("\n")))
}

fn difference(file: &FileReport) -> String {
    let path = code(&file.path);
    match (file.state, &file.diff) {
        (State::Missing, _) => format!("{path} is missing\n"),
        (State::Extra, _) => format!("{path} is only on disk\n"),
        (State::Changed, diff) => {
            format!(
                "{path}\n\n{}",
                fenced("diff", diff.as_deref().unwrap_or_default())
            )
        }
    }
}

/// A block that no text can end before its end.
fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run_of_backticks(text).max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

/// A name as code.
fn code(name: &str) -> String {
    let mark = "`".repeat(longest_run_of_backticks(name) + 1);
    let name: String = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match name.contains('`') {
        true => format!("{mark} {name} {mark}"),
        false => format!("{mark}{name}{mark}"),
    }
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// The blocks with a blank line between them, as far as they fit.
fn cut(blocks: Vec<String>) -> String {
    let mut text = String::new();
    let mut room = LONGEST - NOTE;
    let count = blocks.len();
    for (position, block) in blocks.into_iter().enumerate() {
        let length = block.chars().count() + 1;
        if length > room {
            let part = shortened(&block, room);
            text.push_str(&part);
            let left = count - position - usize::from(!part.is_empty());
            text.push_str(&format!(
                "\nCut to {LONGEST} characters: {} not shown. All of it: `pgcleave check`\n",
                counted(left, "part")
            ));
            return text;
        }
        room -= length;
        text.push_str(&block);
        text.push('\n');
    }
    text.pop();
    text
}

/// The first lines of a block, and its end; nothing where it would hold next to nothing.
fn shortened(block: &str, room: usize) -> String {
    let last = block.lines().next_back().filter(|line| line.starts_with("```"));
    let Some(fence) = last.filter(|fence| room > 10 * fence.len() + 500) else {
        return String::new();
    };
    let mut room = room - fence.chars().count() - "…\n\n".chars().count();
    let mut text = String::new();
    for line in block.split_inclusive('\n') {
        let length = line.chars().count();
        if length > room {
            break;
        }
        room -= length;
        text.push_str(line);
    }
    format!("{text}…\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_block() {
        let text = "a\n```\n# not a title\n";
        assert_eq!(fenced("diff", text), format!("````diff\n{text}````\n"));
        assert_eq!(fenced("diff", "no end"), "```diff\nno end\n```\n");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code("a\nb"), "`a b`");
    }

    #[test]
    fn a_long_report_is_cut_within_its_blocks() {
        let long = fenced("diff", &"+ä line of a diff\n".repeat(5_000));
        let cut = cut(vec!["### title\n".to_owned(), long.clone(), long]);
        let length = cut.chars().count();
        assert!(length <= LONGEST && length > LONGEST - 1_000, "{length}");
        assert_eq!(cut.matches("```").count(), 2, "the block has its end");
        assert!(cut.ends_with("1 part not shown. All of it: `pgcleave check`\n"));
        assert!(cut.contains("…\n```\n"));
    }

    #[test]
    fn what_fits_is_whole() {
        assert_eq!(cut(vec!["a\n".to_owned(), "b\n".to_owned()]), "a\n\nb\n");
    }
}
