//! What hangs on the table, as statements for the copy, for the cutover and for its rollback.
//!
//! Definitions that the server printed name the table as it is called at the time: the copy after the cutover's
//! renames, the source after the rollback's. So most statements are the same for both.

use super::names::Names;
use super::publications::carry_publications;
use super::routines::carry_routines;
use crate::model::{ForeignPolicy, Policy, Rule, Table, TriggerEnabled};
use crate::sql::{Fragment, Ident, Literal, QualifiedName, ServerSql, SqlPart};

/// Statements for everything that hangs on the table beside indexes, triggers and foreign keys.
#[derive(Debug, Clone, Default)]
pub struct CarriedDependents {
    /// Statements, as string constants, that lock a relation and change nothing; outermost first.
    pub locks: Vec<Literal>,
    /// Made on the copy before the cutover.
    pub on_copy: Vec<Fragment>,
    /// Undoes `on_copy`.
    pub off_copy: Vec<Fragment>,
    /// Before the renames of the cutover and of its rollback: takes from the table what can't stay with it.
    pub before_renames: Vec<Fragment>,
    /// Behind `before_renames`, in the rollback alone.
    pub before_renames_at_rollback: Vec<Fragment>,
    /// After the renames of either.
    pub after_renames: Vec<Fragment>,
    /// Before `after_renames`, in the cutover alone.
    pub after_renames_at_cutover: Vec<Fragment>,
    /// The same, in the rollback alone.
    pub after_renames_at_rollback: Vec<Fragment>,
}

pub(super) fn carried_dependents(table: &Table, names: &Names) -> CarriedDependents {
    let mut carried = CarriedDependents {
        locks: table
            .relations_above
            .iter()
            .map(|r| lock_alone(&r.name, &r.owner))
            .collect(),
        ..CarriedDependents::default()
    };
    carry_row_security(table, names, &mut carried);
    carry_rules(table, &mut carried);
    carry_routines(table, &mut carried);
    carry_publications(table, names, &mut carried);
    carried
}

/// Giving a relation to its owner locks it alone: LOCK TABLE takes what a view reads, too, and needs rights.
fn lock_alone(relation: &QualifiedName, owner: &Ident) -> Literal {
    Fragment::new("ALTER TABLE {} OWNER TO {}", &[relation, owner]).literal()
}

fn carry_row_security(table: &Table, names: &Names, carried: &mut CarriedDependents) {
    let flags = [
        (table.row_security.enabled, "ENABLE", "DISABLE"),
        (table.row_security.forced, "FORCE", "NO FORCE"),
    ];
    for (_, on, off) in flags.into_iter().filter(|(set, _, _)| *set) {
        let flag = |word: &'static str| {
            Fragment::new(
                "ALTER TABLE {} {} ROW LEVEL SECURITY",
                &[&names.copy, &Fragment::new(word, &[])],
            )
        };
        carried.on_copy.push(flag(on));
        carried.off_copy.push(flag(off));
    }
    for policy in &table.row_security.policies {
        let drop = |from| Fragment::new("DROP POLICY {} ON {}", &[&policy.name, from]);
        if names_relations(policy) {
            // It may name the table itself, which the copy only is after the renames.
            carried
                .after_renames_at_cutover
                .extend(create_policy(policy, &names.source));
            carried.before_renames_at_rollback.push(drop(&names.source));
        } else {
            carried.on_copy.extend(create_policy(policy, &names.copy));
            carried.off_copy.push(drop(&names.copy));
        }
    }
    carried
        .after_renames
        .extend(table.foreign_policies.iter().map(replace_policy));
}

fn names_relations(policy: &Policy) -> bool {
    let holds = |text: &ServerSql| text.as_str().to_uppercase().contains("SELECT");
    policy.using.iter().chain(&policy.check).any(holds)
}

fn create_policy(policy: &Policy, on: &QualifiedName) -> Vec<Fragment> {
    let kind = if policy.permissive {
        "PERMISSIVE"
    } else {
        "RESTRICTIVE"
    };
    let role = |role: &Option<Ident>| match role {
        Some(role) => Fragment::new("{}", &[role]),
        None => Fragment::new("PUBLIC", &[]),
    };
    let create = Fragment::new(
        "CREATE POLICY {} ON {} AS {} FOR {} TO {}{}",
        &[
            &policy.name,
            on,
            &Fragment::new(kind, &[]),
            &ServerSql::from_server(policy.command.as_str()),
            &Fragment::list(policy.roles.iter().map(role)),
            &policy_expressions(policy.using.as_ref(), policy.check.as_ref()),
        ],
    );
    let comment = policy.comment.as_ref().map(|text| {
        Fragment::new(
            "COMMENT ON POLICY {} ON {} IS {}",
            &[&policy.name, on, &Literal::new(text.as_str())],
        )
    });
    std::iter::once(create).chain(comment).collect()
}

fn replace_policy(policy: &ForeignPolicy) -> Fragment {
    Fragment::new(
        "ALTER POLICY {} ON {}{}",
        &[
            &policy.name,
            &policy.table,
            &policy_expressions(policy.using.as_ref(), policy.check.as_ref()),
        ],
    )
}

fn policy_expressions(using: Option<&ServerSql>, check: Option<&ServerSql>) -> Fragment {
    let using = using.map(|e| Fragment::new(" USING ({})", &[e]));
    let check = check.map(|e| Fragment::new(" WITH CHECK ({})", &[e]));
    Fragment::joined(using.into_iter().chain(check), "")
}

/// The table's own rules are on the side that leads alone: even a disabled one makes our ON CONFLICT fail.
fn carry_rules(table: &Table, carried: &mut CarriedDependents) {
    for rule in &table.rules {
        if rule.relation != table.name {
            carried
                .after_renames
                .push(Fragment::new("CREATE OR REPLACE {}", &[&rule.definition]));
            continue;
        }
        let on: [&dyn SqlPart; 2] = [&rule.name, &rule.relation];
        carried
            .before_renames
            .push(Fragment::new("DROP RULE {} ON {}", &on));
        carried
            .after_renames
            .push(Fragment::new("CREATE {}", &[&rule.definition]));
        carried.after_renames.extend(rule_state(rule));
        if let Some(text) = &rule.comment {
            carried.after_renames.push(Fragment::new(
                "COMMENT ON RULE {} ON {} IS {}",
                &[&rule.name, &rule.relation, &Literal::new(text.as_str())],
            ));
        }
    }
}

/// As it was; a new rule fires on origin.
fn rule_state(rule: &Rule) -> Option<Fragment> {
    let action = match rule.enabled {
        TriggerEnabled::Origin => return None,
        TriggerEnabled::Disabled => "ALTER TABLE {} DISABLE RULE {}",
        TriggerEnabled::Replica => "ALTER TABLE {} ENABLE REPLICA RULE {}",
        TriggerEnabled::Always => "ALTER TABLE {} ENABLE ALWAYS RULE {}",
    };
    Some(Fragment::new(action, &[&rule.relation, &rule.name]))
}
