//! The lasting forms `trigger` and `extend` of foreign keys that point at the table, at every stage and after the
//! drop of the retired table.

mod extend;
mod trigger;

use std::thread;

use crate::support::{Database, Pgcleave, wait_until};

const STEP: &str = "move_incoming_foreign_keys";

/// SQLSTATE and the constraint's name; `None` where it goes through.
fn attempt(database: &Database, sql: &str) -> Option<(String, String)> {
    let error = database.client().batch_execute(sql).err()?;
    let error = error.as_db_error().unwrap_or_else(|| panic!("{error:?}"));
    // RESTRICT has a code of its own from PostgreSQL 18 on.
    let code = error.code().code().replace("23001", "23503");
    Some((code, error.constraint().unwrap_or_default().to_owned()))
}

#[track_caller]
fn refused(database: &Database, stage: &str, code: &str, constraint: &str, sql: &str) {
    let told = attempt(database, sql);
    assert_eq!(told, Some((code.into(), constraint.into())), "{stage}: {sql}");
}

#[track_caller]
fn done(database: &Database, stage: &str, sql: &str) {
    assert_eq!(attempt(database, sql), None, "{stage}: {sql}");
}

/// Runs the statement while `first` is open, which is committed once the statement waits for it; its SQLSTATE.
fn while_open(database: &Database, first: &str, statement: &str) -> Option<String> {
    let mut open = database.client();
    open.batch_execute(&format!("BEGIN; {first}")).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| attempt(database, statement));
        wait_until("the statement to wait", || {
            waiting.is_finished()
                || database.lines("SELECT pid::text FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()").len() == 1
        });
        assert!(!waiting.is_finished(), "{statement} didn't wait for {first}");
        open.batch_execute("COMMIT").unwrap();
        waiting.join().unwrap().map(|told| told.0)
    })
}

/// Through the cutover, the step, its rollback, and all of it again up to the drop.
fn at_every_stage(database: &Database, choices: &[&str], behaves: impl Fn(&str)) {
    behaves("before");
    let dump = sorted(database);
    let pgcleave = Pgcleave::new(database);
    pgcleave.generate_monthly(choices);
    pgcleave.ok(&["-q", "apply", "events", "--yes"]);
    behaves("cut over");
    pgcleave.ok(&["-q", "apply", "events", "--yes", "--through", STEP]);
    behaves("moved");
    pgcleave.ok(&["verify", "events"]);
    pgcleave.ok(&["-q", "rollback", "events", "--yes"]);
    assert_eq!(sorted(database), dump, "rolled back");
    behaves("rolled back");
    pgcleave.ok(&[
        "-q",
        "apply",
        "events",
        "--yes",
        "--through",
        "drop_retired_table",
    ]);
    behaves("completed");
    let left = "SELECT relname::text FROM pg_class WHERE relname LIKE '%pgcleave%' AND relnamespace = 'public'::regnamespace
        UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE '%pgcleave%'
        UNION ALL SELECT tgname FROM pg_trigger WHERE tgname LIKE '%pgcleave%'
        UNION ALL SELECT conname FROM pg_constraint WHERE conname LIKE '%pgcleave%' AND connamespace = 'public'::regnamespace";
    assert_eq!(database.lines(left), Vec::<String>::new());
    let open =
        "SELECT proname::text FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        WHERE pronamespace = 'public'::regnamespace AND a.grantee <> p.proowner AND proname <> 'touch'";
    assert_eq!(database.lines(open), Vec::<String>::new());
}

/// Rows of tables come in the order in which they lie.
fn sorted(database: &Database) -> String {
    let dump = database.dump();
    let mut lines: Vec<&str> = dump.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}
