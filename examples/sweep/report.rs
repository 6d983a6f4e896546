//! What became of each table.

use serde::Serialize;

use crate::tables::Table;

/// What became of one table.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// There and back, with the choices that were made for its keys.
    Converted {
        choices: Vec<String>,
    },
    /// Said so beforehand, and changed nothing.
    Refused {
        reason: String,
    },
    Failed {
        why: String,
    },
}

impl Outcome {
    pub fn failed(why: &str) -> Self {
        Self::Failed { why: why.to_owned() }
    }
}

/// One table's line.
#[derive(Debug, Serialize)]
pub struct Line {
    pub table: String,
    pub key: String,
    pub rows: i64,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// All lines, printed as they come.
#[derive(Debug, Default)]
pub struct Report {
    pub lines: Vec<Line>,
}

impl Report {
    pub fn add(&mut self, table: &Table, rows: i64, outcome: Outcome) {
        let rows_said = match rows {
            0 => "empty".to_owned(),
            1 => "1 row".to_owned(),
            n => format!("{n} rows"),
        };
        let about = match &outcome {
            Outcome::Converted { choices } if choices.is_empty() => "converted".to_owned(),
            Outcome::Converted { choices } => format!("converted [{}]", choices.join("; ")),
            Outcome::Refused { reason } => format!("refused: {reason}"),
            Outcome::Failed { why } => format!("FAILED: {why}"),
        };
        println!("{} by {} ({rows_said}): {about}", table.name, table.key_text());
        self.lines.push(Line {
            table: table.name.clone(),
            key: table.key_text(),
            rows,
            outcome,
        });
    }

    pub fn totals(&self) -> String {
        let count = |is: fn(&Outcome) -> bool| self.lines.iter().filter(|l| is(&l.outcome)).count();
        let (converted, refused) = (
            count(|o| matches!(o, Outcome::Converted { .. })),
            count(|o| matches!(o, Outcome::Refused { .. })),
        );
        format!(
            "{} tables: {converted} converted, {refused} refused, {} FAILED",
            self.lines.len(),
            self.lines.len() - converted - refused
        )
    }

    pub fn has_failures(&self) -> bool {
        self.lines
            .iter()
            .any(|l| matches!(l.outcome, Outcome::Failed { .. }))
    }
}
