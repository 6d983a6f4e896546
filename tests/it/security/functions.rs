//! What we leave in a database: whose rights it has, and who may use it.

use crate::support::{Database, Pgcleave};

/// Cut over, with the role `mallory_of_…` that may use the schema and own tables elsewhere.
fn converted(through: &str) -> (Database, Pgcleave, String) {
    let database = Database::new();
    let mallory = format!("mallory_of_{}", database.name);
    database.run_sql(&format!(
        "CREATE ROLE {mallory} LOGIN; CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO {mallory};
         CREATE TABLE app.accounts (id int PRIMARY KEY); INSERT INTO app.accounts VALUES (1);
         CREATE TABLE app.events (id bigserial PRIMARY KEY, account int REFERENCES app.accounts, at timestamptz NOT NULL);
         INSERT INTO app.events (account, at) SELECT 1, now() - i * interval '1 day' FROM generate_series(1, 90) i;"
    ));
    let pgcleave = Pgcleave::new(&database);
    pgcleave.ok(&[
        "-q",
        "generate",
        "app.events",
        "--key",
        "at",
        "--interval",
        "monthly",
        "--premake",
        "1",
    ]);
    pgcleave.ok(&["-q", "apply", "--yes", "--through", through]);
    (database, pgcleave, mallory)
}

#[test]
fn functions_that_run_as_the_owner_pin_their_search_path() {
    for through in ["install_sync_trigger", "keep_in_step", "cut_over"] {
        let (database, ..) = converted(through);
        let ours = "SELECT count(*)::text FROM pg_proc WHERE prosecdef AND proname LIKE '%pgcleave%'";
        assert_ne!(database.lines(ours), ["0"], "{through}");
        let open = "SELECT concat_ws(' ', oid::regprocedure, proconfig) FROM pg_proc
            WHERE prosecdef AND proname LIKE '%pgcleave%' AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)";
        assert_eq!(database.lines(open), Vec::<String>::new(), "{through}");
        let others = "SELECT DISTINCT pg_get_userbyid(p.proowner)::text FROM pg_proc p, pg_class c
            WHERE c.oid = 'app.events'::regclass AND p.proname LIKE '%pgcleave%' AND p.proowner <> c.relowner";
        assert_eq!(database.lines(others), Vec::<String>::new(), "{through}");
    }
}

#[test]
fn functions_that_run_as_the_owner_can_not_be_called_directly() {
    let (database, ..) = converted("cut_over");
    let callable = "SELECT oid::regprocedure::text FROM pg_proc
        WHERE prosecdef AND proname LIKE '%pgcleave%' AND prorettype <> 'trigger'::regtype";
    assert_eq!(database.lines(callable), Vec::<String>::new());
}

#[test]
fn functions_that_run_as_the_owner_are_closed_to_others() {
    for through in ["install_sync_trigger", "keep_in_step", "cut_over"] {
        let (database, _pgcleave, mallory) = converted(through);
        let open = format!(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE prosecdef AND proname LIKE '%pgcleave%'
             AND has_function_privilege('{mallory}', oid, 'EXECUTE') ORDER BY 1"
        );
        assert_eq!(database.lines(&open), Vec::<String>::new(), "{through}");
    }
}

#[test]
fn a_stranger_can_not_empty_our_tables_through_our_trigger_functions() {
    let mut emptied = Vec::new();
    for (through, when, function, victim) in [
        (
            "keep_in_step",
            "AFTER",
            "events_pgcleave_sync_truncate",
            "events_pgcleave_copy",
        ),
        (
            "cut_over",
            "BEFORE",
            "events_pgcleave_reverse_truncate",
            "events_pgcleave_retired",
        ),
    ] {
        let (database, pgcleave, mallory) = converted(through);
        // Mallory has no right on any of our tables, nor on the application's.
        let attack = format!(
            "SET ROLE {mallory}; CREATE TEMP TABLE own (id int);
             CREATE TRIGGER t {when} TRUNCATE ON own EXECUTE FUNCTION app.{function}(); TRUNCATE own"
        );
        let _ = database.client().batch_execute(&attack);
        if database.lines(&format!("SELECT count(*)::text FROM app.{victim}")) != ["90"] {
            let back = pgcleave.run(&["rollback", "--yes", "--to", "verify_copy"]);
            emptied.push(format!("{victim}; rollback: {} {}", back.code, back.stderr));
        }
    }
    assert!(
        emptied.is_empty(),
        "emptied by a role without any right on it: {emptied:?}"
    );
}

#[test]
fn what_is_ours_is_closed_to_roles_without_rights_on_the_table() {
    for through in ["catch_up", "verify_copy", "cut_over"] {
        let (database, _pgcleave, mallory) = converted(through);
        let relations = format!(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'p', 'S')
             AND relname LIKE 'events%' AND (has_table_privilege('{mallory}', oid, 'SELECT')
                OR has_table_privilege('{mallory}', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER'))"
        );
        assert_eq!(database.lines(&relations), Vec::<String>::new(), "{through}");
        assert_eq!(
            database.lines(&format!(
                "SELECT has_schema_privilege('{mallory}', 'pgcleave', 'USAGE')::text"
            )),
            ["false"]
        );
    }
}
