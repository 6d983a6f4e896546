//! The table of goals in docs/PERFORMANCE.md, between two marks.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::figures::Figures;
use crate::{chart, goals, report};

const BEGIN: &str = "<!-- bench: begin -->\n";
const END: &str = "<!-- bench: end -->\n";

/// Replaces what stands between the marks.
///
/// # Errors
/// When the document or a mark is missing.
pub fn write(figures: &Figures, path: &Path) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let marks = || {
        format!(
            "{} lacks the marks {} and {}",
            path.display(),
            BEGIN.trim(),
            END.trim()
        )
    };
    let (before, rest) = text.split_once(BEGIN).with_context(marks)?;
    let (_, after) = rest.split_once(END).with_context(marks)?;
    let text = format!("{before}{BEGIN}{}{END}{after}", section(figures));
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}

fn section(figures: &Figures) -> String {
    let mut text = String::from("\n");
    for line in report::circumstances(figures) {
        text += &format!("- {line}\n");
    }
    text += "\n| goal | bound | median | min–max | met |\n|---|---|---|---|---|\n";
    for verdict in goals::judge(figures) {
        text += &format!("| {} |\n", report::cells(&verdict).join(" | "));
    }
    if chart::has_bars(figures) {
        text += "\n![Seconds for copy and all indexes, by way](performance.svg)\n";
    }
    text + "\n"
}
