//! What is made must be what pgcleave itself makes: the same functions, constraints and texts to the letter.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::shop;
use crate::driver::Project;
use crate::support::Database;

/// By the last step that was run.
static BY_PGCLEAVE: LazyLock<BTreeMap<&str, Vec<String>>> = LazyLock::new(|| {
    let project = Project::new();
    shop::set_up(&project.database);
    shop::load(&project.database);
    let generate = ["-q", "generate", shop::TABLE];
    project
        .pgcleave
        .ok(&[&generate[..], &shop::PARTITIONING].concat());
    let steps = ["verify_copy", "verify_cutover", "drop_retired_table"];
    let run = |step| {
        let apply = ["-q", "apply", shop::TABLE, "--yes", "--through", step];
        project.pgcleave.ok(&apply);
        (step, definitions(&project.database))
    };
    steps.map(run).into()
});

/// Of what is in the schema of the table, a line each; runners keep tables of their own there.
const DEFINITIONS: &str = r"
SELECT concat_ws(' ', kind, name, definition) FROM (
    SELECT 'function', p.oid::regprocedure::text,
           -- The transaction that made the switch.
           regexp_replace(pg_get_functiondef(p.oid), 'pg_visible_in_snapshot\(''\d+''', 'pg_visible_in_snapshot(')
      FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'constraint', concat(c.conrelid::regclass, '.', c.conname), pg_get_constraintdef(c.oid)
      FROM pg_constraint c WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'index', i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'trigger', concat(t.tgrelid::regclass, '.', t.tgname), concat(pg_get_triggerdef(t.oid), t.tgenabled)
      FROM pg_trigger t WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'relation', c.oid::regclass::text, concat(c.relkind, pg_get_viewdef(c.oid))
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'column', concat(a.attrelid::regclass, '.', a.attname), concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity)
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'comment', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
      FROM pg_description d JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass
     WHERE c.relnamespace = 'public'::regnamespace
) AS d (kind, name, definition)
WHERE name ~ 'events|notes|touch'
ORDER BY kind, name, definition";

/// After one of the steps at which journeys stop.
pub fn assert_as_by_pgcleave(database: &Database, step: &str) {
    let Some(expected) = BY_PGCLEAVE.get(step) else {
        return;
    };
    let found = definitions(database);
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these
            .iter()
            .filter(|line| !those.contains(line))
            .cloned()
            .collect()
    };
    let [missing, added] = [only(expected, &found), only(&found, expected)];
    assert!(
        missing.is_empty() && added.is_empty(),
        "after {step}, not made: {missing:#?}\nbut: {added:#?}"
    );
}

/// Comments in functions may have other apostrophes.
fn definitions(database: &Database) -> Vec<String> {
    let lines = database.lines(DEFINITIONS);
    lines.iter().map(|line| line.replace('’', "'")).collect()
}
