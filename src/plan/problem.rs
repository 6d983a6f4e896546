//! One finding about a table: what it is, what to do about it.

use serde::Serialize;

use crate::sql::QualifiedName;

/// How much a problem weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The table can't be converted as asked.
    Blocker,
    /// Something will behave differently, or may.
    Warning,
    /// Good to know.
    Note,
}

/// One finding, with its remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How much it weighs.
    pub severity: Severity,
    /// What it is, in a sentence without a full stop.
    pub cause: String,
    /// What to do about it.
    pub remedy: String,
}

impl Problem {
    /// The table can't be converted as asked.
    pub fn blocker(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Blocker,
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }

    /// Something will behave differently, or may.
    pub fn warning(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }

    /// Good to know.
    pub fn note(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Note,
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }

    /// Whether the table can't be converted because of it.
    pub fn is_blocker(&self) -> bool {
        self.severity == Severity::Blocker
    }

    /// The blockers among them, each with its remedy, on lines of their own.
    pub fn list_blockers(problems: &[Self]) -> String {
        let blockers = problems.iter().filter(|problem| problem.is_blocker());
        blockers
            .map(|problem| format!("\n- {}\n    {}", problem.cause, problem.remedy))
            .collect()
    }

    /// A definition of the server's that we couldn't take apart.
    pub fn unresolvable(table: &QualifiedName) -> Self {
        Self::blocker(
            format!(
                "a trigger, index or statistics definition of {} could not be read",
                table.plain()
            ),
            "please report its definition (\\d+ in psql)",
        )
    }
}
