//! The report for a terminal: diffs first, then what they come to.

use console::{Style, style};

use super::file_report::{FileReport, State};
use super::report::TableReport;

pub fn text(reports: &[TableReport]) -> String {
    let mut text = String::new();
    for report in reports {
        report
            .differences
            .iter()
            .for_each(|file| text.push_str(&shown(file)));
    }
    for report in reports {
        lines(report).iter().for_each(|line| {
            text.push_str(line);
            text.push('\n');
        });
    }
    text
}

/// The table's lines; every format has them.
pub fn lines(report: &TableReport) -> Vec<String> {
    let mut lines = report.summary();
    for finding in &report.findings {
        lines.push(format!("{}: {}", report.table, finding.cause));
        lines.push(format!("  {}", finding.remedy));
    }
    if let Some(live) = report.live.as_ref().filter(|live| !live.changes.is_empty()) {
        lines.push(format!("{} has changed since {}:", report.table, live.since()));
        lines.extend(live.changes.iter().map(|change| format!("- {change}")));
        lines.extend(live.remedy.iter().map(|remedy| format!("  {remedy}")));
    }
    lines
}

fn shown(file: &FileReport) -> String {
    match (file.state, &file.diff) {
        (State::Missing, _) => format!("{}\n", style(format!("missing: {}", file.path)).red()),
        (State::Extra, _) => format!("{}\n", style(format!("only on disk: {}", file.path)).green()),
        (State::Changed, diff) => diff
            .iter()
            .flat_map(|diff| diff.split_inclusive('\n'))
            .map(coloured)
            .collect(),
    }
}

fn coloured(line: &str) -> String {
    let styled = |style: Style| {
        let text = line.trim_end_matches('\n');
        format!("{}{}", style.apply_to(text), &line[text.len()..])
    };
    match line.chars().next() {
        _ if line.starts_with("--- ") || line.starts_with("+++ ") => styled(Style::new().bold()),
        Some('-') => styled(Style::new().red()),
        Some('+') => styled(Style::new().green()),
        Some('@') => styled(Style::new().cyan()),
        _ => line.to_owned(),
    }
}
