//! Why the catalog couldn't be read.

use crate::sql::{Ident, IdentError, QualifiedName};

/// Why the catalog couldn't be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// No relation has the name; `near` holds names that look like it.
    #[error("there is no table {name}")]
    NotFound {
        /// What was asked for, `schema.table` or a bare name.
        name: String,
        /// At most three that look like it.
        near: Vec<QualifiedName>,
    },
    /// A name without a schema stands for several tables.
    #[error("the name {} stands for several tables: {}", name.as_str(), plain_list(candidates))]
    Ambiguous {
        /// What was asked for.
        name: Ident,
        /// The tables that have it.
        candidates: Vec<QualifiedName>,
    },
    /// The table has no such column.
    #[error("{table} has no column {}", column.as_str())]
    NoSuchColumn {
        /// `schema.table`.
        table: String,
        /// What was asked for.
        column: Ident,
    },
    /// Such a column has no intervals.
    #[error("the column {} is of type {base_type}, which has no intervals", column.as_str())]
    NoRange {
        /// What was asked for.
        column: Ident,
        /// Its type, domains resolved.
        base_type: String,
    },
    /// A newer server says something that this version doesn't know.
    #[error("the catalog holds {code:?} in {place}, which this version of pgcleave doesn't know")]
    UnknownCode {
        /// Catalog and column.
        place: &'static str,
        /// What stands there.
        code: String,
    },
    /// A name that the catalog holds is longer than this program takes.
    #[error("the catalog holds a name that can't be used")]
    Name(#[from] IdentError),
    /// The question is the stem of the query's file.
    #[error("the catalog query {question} failed")]
    Query {
        /// Which of `queries/`.
        question: &'static str,
        /// What the server or the connection said.
        source: postgres::Error,
    },
}

impl CatalogError {
    pub(super) fn query(question: &'static str, source: postgres::Error) -> Self {
        Self::Query { question, source }
    }

    pub(super) fn unknown(place: &'static str, code: &str) -> Self {
        Self::UnknownCode {
            place,
            code: code.to_owned(),
        }
    }

    /// Whether a privilege was missing.
    pub fn is_privilege_failure(&self) -> bool {
        let code = match self {
            Self::Query { source, .. } => source.code(),
            _ => None,
        };
        code == Some(&postgres::error::SqlState::INSUFFICIENT_PRIVILEGE)
    }

    /// Whether somebody held the table locked.
    pub fn is_lock_failure(&self) -> bool {
        let code = match self {
            Self::Query { source, .. } => source.code(),
            _ => None,
        };
        code == Some(&postgres::error::SqlState::LOCK_NOT_AVAILABLE)
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { near, .. } if near.is_empty() => {
                Some("check --database-url: the table may be in another database".to_owned())
            }
            Self::NotFound { near, .. } => Some(format!("did you mean {}?", plain_list(near))),
            Self::Ambiguous { candidates, .. } => candidates
                .first()
                .map(|first| format!("name the schema too, e.g. {}", first.plain())),
            Self::NoSuchColumn { table, .. } => Some(format!("see its columns: pgcleave inspect {table}")),
            Self::NoRange { .. } => Some("choose another column with --key".to_owned()),
            Self::UnknownCode { .. } => Some("use a newer pgcleave".to_owned()),
            Self::Query { .. } if self.is_lock_failure() => {
                Some("somebody holds it locked, e.g. for a rewrite: see pg_locks and pg_blocking_pids, and try again when they are done".to_owned())
            }
            Self::Query { source, .. } if source.is_closed() => {
                Some("the connection was lost and nothing has changed: run it again".to_owned())
            }
            Self::Query { .. } if self.is_privilege_failure() => {
                Some("connect as the table's owner, or as a superuser".to_owned())
            }
            Self::Query { .. } => Some("see the server's log".to_owned()),
            Self::Name(_) => None,
        }
    }
}

fn plain_list(names: &[QualifiedName]) -> String {
    names
        .iter()
        .map(QualifiedName::plain)
        .collect::<Vec<_>>()
        .join(", ")
}
