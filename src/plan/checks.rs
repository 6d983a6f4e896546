//! CHECK and NOT NULL constraints: what a partitioned table can't have of them.

use super::problem::Problem;
use crate::model::Table;

pub(super) fn about_checks(table: &Table, problems: &mut Vec<Problem>) {
    for check in &table.checks {
        let name = check.name.as_str();
        if check.violated {
            problems.push(Problem::blocker(
                format!("rows violate the check {name}, which is NOT VALID: no copy can hold them"),
                format!(
                    "find them: SELECT * FROM {0} WHERE NOT ({1}); correct or delete them, then ALTER TABLE {0} VALIDATE CONSTRAINT {2}, \
                     or drop the check",
                    table.name, check.condition, check.name
                ),
            ));
        } else if check.enforced && !check.validated {
            problems.push(Problem::note(
                format!("the check {name} is NOT VALID, and no row violates it"),
                "it stays NOT VALID; the partitions' are valid, so that validating it will read nothing",
            ));
        }
        if check.no_inherit {
            problems.push(Problem::note(
                format!("the check {name} is NO INHERIT, which a partitioned table can't have"),
                "it becomes an ordinary check: its rows are in its partitions, where it must hold",
            ));
        }
    }
}

/// Constraints from PostgreSQL 18 on.
pub(super) fn about_not_nulls(table: &Table, problems: &mut Vec<Problem>) {
    for not_null in &table.not_nulls {
        let (name, column) = (not_null.name.as_str(), not_null.column.as_str());
        if not_null.violated {
            problems.push(Problem::blocker(
                format!("{column} holds NULL against the constraint {name}, which is NOT VALID: no copy can hold that"),
                format!(
                    "find the rows: SELECT * FROM {0} WHERE {1} IS NULL; give them a value, then ALTER TABLE {0} VALIDATE CONSTRAINT {2}, \
                     or drop the constraint",
                    table.name, not_null.column, not_null.name
                ),
            ));
        } else if !not_null.validated {
            problems.push(Problem::note(
                format!("the NOT NULL constraint {name} is NOT VALID, and {column} holds no NULL"),
                "it stays NOT VALID; the partitions' are valid, so that validating it will read nothing",
            ));
        }
        if not_null.no_inherit {
            problems.push(Problem::note(
                format!("the NOT NULL constraint {name} is NO INHERIT, which a partitioned table can't have"),
                "it becomes an ordinary one: its rows are in its partitions, where it must hold",
            ));
        }
    }
}
