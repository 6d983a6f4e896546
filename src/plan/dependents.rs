//! What hangs on the table and can't be carried yet.

use super::problem::Problem;
use super::publications::about_publications;
use super::unique_keys::lacks_partition_key;
use crate::model::{DependentKind, Table};
use crate::spec::TableSpec;
use crate::sql::{QualifiedName, ServerSql, says_only};

/// One finding for each thing that hangs on the table.
pub(super) fn about_dependents(table: &Table, spec: &TableSpec, problems: &mut Vec<Problem>) {
    about_views(table, spec, problems);
    about_only(table, problems);
    about_routines(table, problems);
    about_publications(table, spec, problems);
    about_event_triggers(table, problems);
    for dependent in &table.dependents {
        problems.push(dependent_problem(dependent.kind, &dependent.name));
    }
}

/// A query that groups by the primary key alone may show the other columns, as long as the key is that one.
fn about_views(table: &Table, spec: &TableSpec, problems: &mut Vec<Problem>) {
    let key_changes = table
        .primary_key
        .as_ref()
        .is_some_and(|key| lacks_partition_key(key, spec));
    let views = table
        .views
        .iter()
        .filter(|v| v.groups_by_key)
        .map(|v| ("view", &v.name));
    let materialized = table.materialized_views.iter().filter(|v| v.groups_by_key);
    let materialized = materialized.map(|v| ("materialized view", &v.name));
    for (kind, name) in views.chain(materialized).filter(|_| key_changes) {
        problems.push(Problem::blocker(
            format!("the {kind} {} groups by the primary key, which doesn't tell the other columns any more once it holds the partition key", name.plain()),
            "name every column that it shows in its GROUP BY first",
        ));
    }
    for view in &table.materialized_views {
        problems.push(Problem::warning(
            format!("the materialized view {} is built anew on the copy, shortly before the cutover", view.name.plain()),
            "its content becomes that of then, whenever it was refreshed last; a rollback brings the old one back as it was: refresh it then",
        ));
    }
}

/// Whoever reads ONLY the table would find nothing in it, in silence.
fn about_only(table: &Table, problems: &mut Vec<Problem>) {
    let mut texts: Vec<(&str, String, &ServerSql)> = Vec::new();
    let on = |name: &str, relation: &QualifiedName| format!("{name} on {}", relation.plain());
    for view in &table.views {
        texts.push(("view", view.name.plain(), &view.definition));
    }
    for view in &table.materialized_views {
        texts.push(("materialized view", view.name.plain(), &view.definition));
    }
    for rule in &table.rules {
        texts.push(("rule", on(rule.name.as_str(), &rule.relation), &rule.definition));
    }
    for routine in table
        .routines
        .iter()
        .filter(|r| r.definition.as_str().contains("\nBEGIN ATOMIC"))
    {
        texts.push((
            "function",
            routine.signature.as_str().to_owned(),
            &routine.definition,
        ));
    }
    for policy in &table.foreign_policies {
        for text in policy.using.iter().chain(&policy.check) {
            texts.push(("policy", on(policy.name.as_str(), &policy.table), text));
        }
    }
    for policy in &table.row_security.policies {
        for text in policy.using.iter().chain(&policy.check) {
            texts.push(("policy", on(policy.name.as_str(), &table.name), text));
        }
    }
    for (kind, name, _) in texts
        .into_iter()
        .filter(|(_, _, text)| says_only(text, &table.name))
    {
        problems.push(Problem::blocker(
            format!("the {kind} {name} says ONLY of the table, and a partitioned table holds no rows itself"),
            "leave ONLY out first",
        ));
    }
}

fn about_routines(table: &Table, problems: &mut Vec<Problem>) {
    for routine in &table.routines {
        let signature = routine.signature.as_str();
        if let Some(hindrance) = &routine.hindrance {
            problems.push(Problem::blocker(
                format!("the function {signature} has a row type in its signature and would have to be made anew, but {hindrance}"),
                "drop that first, or give the function another signature",
            ));
        }
    }
}

fn about_event_triggers(table: &Table, problems: &mut Vec<Problem>) {
    if table.event_triggers.is_empty() {
        return;
    }
    let names: Vec<&str> = table.event_triggers.iter().map(|name| name.as_str()).collect();
    problems.push(Problem::note(
        format!(
            "event triggers of the database run at what the conversion creates, alters and drops: {}",
            names.join(", ")
        ),
        "one that forbids it stops the step whole: have it let this role through",
    ));
}

fn dependent_problem(kind: DependentKind, name: &str) -> Problem {
    let blocker = |what: &str, remedy: &str| Problem::blocker(format!("{what} {name}"), remedy.to_owned());
    match kind {
        DependentKind::RowTypeColumn => {
            blocker("a column has the table's row type:", "give it another type first")
        }
        DependentKind::Publication => blocker(
            "the table is published by",
            "such a publication sends the copy as soon as it exists, and subscribers that lack it stop: publish the table by FOR TABLE first",
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
        DependentKind::PassedOnGrant => blocker(
            "another than the owner has granted a right on the table, and would have to grant it again:",
            "revoke it, and have the owner grant it",
        ),
        DependentKind::CascadedTrigger => blocker(
            "a foreign key's action would fire, from within our triggers and so with their search_path, a trigger whose function names things without their schema:",
            "give the function the search_path that it relies on: ALTER FUNCTION … SET search_path = …, pg_temp",
        ),
        DependentKind::Other => blocker(
            "something hangs on the table that pgcleave can't carry:",
            "drop it first, or report it to us",
        ),
    }
}
