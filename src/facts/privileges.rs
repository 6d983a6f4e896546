//! What the connected role and the table's owner may not do, found now rather than by the step that needs it.

use crate::catalog;
use crate::model::Table;
use crate::plan::Problem;

/// Rights that the role or the table's owner lacks, now or for a later step.
pub(super) fn privilege_problems(privileges: &catalog::Privileges, table: &Table) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !privileges.owner_member {
        problems.push(Problem::blocker(
            format!(
                "the role isn't (a member of) {}, the owner of {}",
                table.owner.as_str(),
                table.name.plain()
            ),
            "connect as the owner or as a member of it",
        ));
    }
    if !privileges.create_on_schema {
        problems.push(Problem::blocker(
            format!(
                "the role may not create anything in the schema {}",
                table.name.schema.as_str()
            ),
            format!("GRANT CREATE ON SCHEMA {} TO it", table.name.schema),
        ));
    }
    if !privileges.owner_rights {
        problems.push(Problem::blocker(
            format!(
                "the owner {} may not read and write its own table, as whom the sync acts",
                table.owner.as_str()
            ),
            format!("GRANT ALL ON TABLE {} TO {}", table.name, table.owner),
        ));
    }
    if let Some(schemas) = &privileges.schemas_hidden_from_owner {
        problems.push(Problem::blocker(
            format!(
                "the owner {} may not use the schema {schemas}, where the table or its key's operators are",
                table.owner.as_str()
            ),
            format!("GRANT USAGE ON SCHEMA {schemas} TO {}", table.owner),
        ));
    }
    if privileges.policies_bind_role || privileges.policies_bind_owner {
        problems.push(row_security_problem(privileges, table));
    }
    problems.extend(privileges.missing.iter().map(|right| missing_right(right, table)));
    if !privileges.history {
        problems.push(Problem::warning(
            "the role may not create the schema pgcleave, where apply keeps its history",
            "GRANT CREATE ON DATABASE to it, or have CREATE SCHEMA pgcleave AUTHORIZATION done for it; the files run by psql do without",
        ));
    }
    if !privileges.read_all_stats {
        problems.push(Problem::note(
            "the role can't see others' snapshots (pg_read_all_stats), which the cutover must wait for",
            "GRANT pg_read_all_stats to it, or allow unseen_snapshots at the cutover after a look of your own",
        ));
    }
    problems
}

/// Whoever copies and compares must see every row.
fn row_security_problem(privileges: &catalog::Privileges, table: &Table) -> Problem {
    let (role, remedy) = match privileges.policies_bind_owner {
        true => (
            format!("the owner {}, as whom the sync acts,", table.owner.as_str()),
            format!(
                "ALTER ROLE {} BYPASSRLS as long as the conversion lasts, and connect as a role that has it too",
                table.owner
            ),
        ),
        false => (
            "this role".to_owned(),
            "connect as a superuser or as a role with BYPASSRLS; without FORCE the table's owner will do"
                .to_owned(),
        ),
    };
    Problem::blocker(
        format!(
            "row-level security of {} binds {role} which must read and write every row",
            table.name.plain()
        ),
        remedy,
    )
}

/// Found now, not by the step that needs it.
fn missing_right(right: &catalog::MissingRight, table: &Table) -> Problem {
    use catalog::MissingRight as Missing;
    match right {
        Missing::References(name) => Problem::blocker(
            format!("the role may not make foreign keys that refer to {name}, as the table has one"),
            format!("GRANT REFERENCES ON TABLE {name} TO it"),
        ),
        Missing::Execute(name) => Problem::blocker(
            format!(
                "the role may not put a trigger with the function {name} on the copy, as the table has one"
            ),
            format!("GRANT EXECUTE ON FUNCTION {name} TO it"),
        ),
        Missing::RelationAbove(name) => Problem::blocker(
            format!("the {name} reads the table and belongs to a role that this one isn't a member of"),
            "connect as a role that is a member of both owners: the cutover changes it with the table",
        ),
        Missing::Child(name) => Problem::warning(
            format!(
                "the table {name} refers to this one and belongs to a role that this one isn't a member of"
            ),
            "the step move_incoming_foreign_keys changes it: have that step run by a role that is a member of both owners",
        ),
        Missing::CreateInSchema(place) => Problem::blocker(
            format!(
                "a materialized view on the table must be made anew, and nothing may be created by {place}"
            ),
            "GRANT CREATE ON SCHEMA to that role",
        ),
        Missing::Routine(name) => Problem::blocker(
            format!(
                "the function {name} is made again at the cutover, and this role may not: it isn't a member of its owner, or one of them may not create anything in its schema, or not in its language"
            ),
            "grant it that, or connect as a superuser",
        ),
        Missing::Publication(name) => Problem::blocker(
            format!(
                "the publication {name} has the table and belongs to a role that this one isn't a member of"
            ),
            "connect as a role that is a member of both owners: the cutover changes it with the table",
        ),
        Missing::OwnerCreate(schema) => Problem::blocker(
            format!(
                "the owner {} may not create anything in the schema {schema}",
                table.owner.as_str()
            ),
            format!("GRANT CREATE ON SCHEMA {schema} TO {}", table.owner),
        ),
    }
}
