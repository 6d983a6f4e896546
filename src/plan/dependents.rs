//! What hangs on the table and can't be carried yet.

use super::problem::Problem;
use crate::model::{DependentKind, Table};

/// One finding for each thing that hangs on the table.
pub(super) fn about_dependents(table: &Table, problems: &mut Vec<Problem>) {
    for dependent in &table.dependents {
        problems.push(dependent_problem(dependent.kind, &dependent.name));
    }
}

fn dependent_problem(kind: DependentKind, name: &str) -> Problem {
    let blocker = |what: &str, remedy: &str| Problem::blocker(format!("{what} {name}"), remedy.to_owned());
    match kind {
        DependentKind::MaterializedView => blocker(
            "a materialized view reads the table and would go on reading the retired one:",
            "drop it first and create it again after the cutover",
        ),
        DependentKind::RowTypeFunction => blocker(
            "a function has the table's row type as argument or result, which would stay the retired table's:",
            "rewrite it first",
        ),
        DependentKind::SqlBodyFunction => blocker(
            "a function with a BEGIN ATOMIC body names the table and would follow the retired one:",
            "give it a body as text first",
        ),
        DependentKind::RowTypeColumn => {
            blocker("a column has the table's row type:", "give it another type first")
        }
        DependentKind::Publication => blocker(
            "the table is published by",
            "taking a publication along is not offered yet: take the table out of it first",
        ),
        DependentKind::Subscription => blocker(
            "a subscription writes to the table, and would go on writing to the retired one in silence:",
            "end the subscription first",
        ),
        DependentKind::InheritanceParent => blocker(
            "the table inherits from",
            "end the inheritance first: ALTER TABLE … NO INHERIT",
        ),
        DependentKind::InheritanceChild => blocker(
            "a table inherits from this one:",
            "end the inheritance first: ALTER TABLE … NO INHERIT",
        ),
        DependentKind::Extension => blocker(
            "the table belongs to the extension",
            "tables of extensions can't be converted",
        ),
        DependentKind::TypedTable => blocker(
            "the table is of the composite type",
            "end that first: ALTER TABLE … NOT OF",
        ),
        DependentKind::PreparedTransaction => blocker(
            "a prepared transaction holds a lock on the table:",
            "COMMIT PREPARED or ROLLBACK PREPARED first",
        ),
        DependentKind::SecurityLabel => blocker(
            "the table has a security label of",
            "carrying security labels is not offered yet",
        ),
        DependentKind::Other => blocker(
            "something hangs on the table that pgcleave can't carry:",
            "drop it first, or report it to us",
        ),
    }
}
