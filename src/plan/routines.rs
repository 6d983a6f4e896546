//! Functions and procedures that are bound to the table by more than its name.

use super::carried_dependents::CarriedDependents;
use crate::model::{Routine, Table};
use crate::sql::{Fragment, Literal};

/// One with the row type in its signature is dropped and made again; a BEGIN ATOMIC body is replaced.
pub(super) fn carry_routines(table: &Table, carried: &mut CarriedDependents) {
    if table.routines.is_empty() {
        return;
    }
    // Bodies were checked when their authors wrote them, under search_paths of theirs.
    carried
        .after_renames
        .push(Fragment::new("SET LOCAL check_function_bodies = off", &[]));
    for routine in &table.routines {
        if routine.row_type {
            carried
                .before_renames
                .push(Fragment::new("DROP ROUTINE {}", &[&routine.signature]));
        }
        carried
            .after_renames
            .push(Fragment::new("{}", &[&routine.definition]));
        if routine.row_type {
            carried.after_renames.extend(made_again(routine));
        }
    }
}

/// What `pg_get_functiondef` leaves out.
fn made_again(routine: &Routine) -> Vec<Fragment> {
    let (signature, owner) = (&routine.signature, &routine.owner);
    let literal = Literal::new(signature.as_str());
    let mut statements = vec![
        Fragment::new("ALTER ROUTINE {} OWNER TO {}", &[signature, owner]),
        Fragment::new(
            "DO $pgcleave$
DECLARE
    grantee oid;
BEGIN
    FOR grantee IN
        SELECT DISTINCT a.grantee FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         WHERE p.oid = {}::regprocedure
    LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM %s', {}::regprocedure,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END);
    END LOOP;
END
$pgcleave$",
            &[&literal, &literal],
        ),
    ];
    for grant in &routine.grants {
        let to = match &grant.grantee {
            Some(role) => Fragment::new("{}", &[role]),
            None => Fragment::new("PUBLIC", &[]),
        };
        let option = Fragment::new(if grant.grantable { " WITH GRANT OPTION" } else { "" }, &[]);
        let text = "GRANT EXECUTE ON ROUTINE {} TO {}{}";
        statements.push(Fragment::new(text, &[signature, &to, &option]));
    }
    if let Some(text) = &routine.comment {
        let text = Literal::new(text.as_str());
        statements.push(Fragment::new("COMMENT ON ROUTINE {} IS {}", &[signature, &text]));
    }
    statements
}
