//! The report as workflow commands, which GitHub Actions turns into annotations of the files.

use std::path::Path;

use super::file_report::State;
use super::report::TableReport;
use super::text;

/// Lines of a hunk in its annotation.
const MOST_LINES: usize = 60;

/// An annotation for each hunk, file, finding and change; then the lines that every format has.
pub fn commands(reports: &[TableReport], spec_path: &Path) -> String {
    let root = from_workspace();
    let mut text = String::new();
    for report in reports {
        for annotation in annotations(report, spec_path) {
            text.push_str(&annotation.command(&root));
        }
    }
    for line in reports.iter().flat_map(text::lines) {
        text.push_str(&format!("pgcleave: {}\n", harmless(&line)));
    }
    text
}

struct Annotation {
    file: String,
    line: Option<usize>,
    title: String,
    message: String,
}

fn annotations(report: &TableReport, spec_path: &Path) -> Vec<Annotation> {
    let title = |what: &str| format!("{}: {what}", report.table);
    let whole = |file: &str, title: String, message: String| Annotation {
        file: file.to_owned(),
        line: None,
        title,
        message,
    };
    let mut annotations = Vec::new();
    for file in &report.differences {
        match file.state {
            State::Missing => annotations.push(whole(
                &file.path,
                title("a file is missing"),
                format!("{} is missing: write it with pgcleave generate", file.path),
            )),
            State::Extra => annotations.push(whole(
                &file.path,
                title("a file too many"),
                format!("pgcleave writes no {}", file.path),
            )),
            State::Changed => annotations.extend(file.hunks.iter().map(|hunk| Annotation {
                line: Some(hunk.line),
                ..whole(
                    &file.path,
                    title("not as pgcleave writes it"),
                    first_lines(&hunk.text),
                )
            })),
        }
    }
    for finding in &report.findings {
        let message = format!("{}\n{}", finding.cause, finding.remedy);
        annotations.push(whole(&finding.path, title("not as it should be"), message));
    }
    if let Some(live) = &report.live {
        let remedy = live.remedy.as_deref().unwrap_or_default();
        let message = |change: &String| format!("{change}\n{remedy}");
        let file = spec_path.display().to_string();
        let has_changed = title(&format!("changed since {}", live.since()));
        annotations.extend(
            live.changes
                .iter()
                .map(|change| whole(&file, has_changed.clone(), message(change))),
        );
    }
    annotations
}

impl Annotation {
    fn command(&self, root: &str) -> String {
        let line = self.line.map_or_else(String::new, |line| format!(",line={line}"));
        format!(
            "::error file={}{line},title={}::{}\n",
            property(&format!("{root}{}", self.file)),
            property(&self.title),
            data(&self.message)
        )
    }
}

/// The working folder within the repository, as annotations name files from there.
fn from_workspace() -> String {
    let inside = || {
        let workspace = Path::new(&std::env::var_os("GITHUB_WORKSPACE")?)
            .canonicalize()
            .ok()?;
        let folder = std::env::current_dir().ok()?.canonicalize().ok()?;
        let inside = folder.strip_prefix(workspace).ok()?.to_str()?.to_owned();
        (!inside.is_empty()).then(|| format!("{inside}/"))
    };
    inside().unwrap_or_default()
}

fn first_lines(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().take(MOST_LINES).collect();
    if text.lines().count() > MOST_LINES {
        lines.push("…");
    }
    lines.join("\n")
}

/// A command's text.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A line that can't be taken for a command, whatever names it holds.
fn harmless(line: &str) -> String {
    let line: String = line
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.replace("##[", "# #[")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_or_a_text_ends_a_command() {
        let annotation = Annotation {
            file: "a,b:c%.sql".to_owned(),
            line: Some(3),
            title: "t: x, y".to_owned(),
            message: "50%\r\n::set-output name=x::y".to_owned(),
        };
        assert_eq!(
            annotation.command("sub/"),
            "::error file=sub/a%2Cb%3Ac%25.sql,line=3,title=t%3A x%2C y::50%25%0D%0A::set-output name=x::y\n"
        );
        assert_eq!(harmless("a\n::error::x ##[command]"), "a ::error::x # #[command]");
    }
}
