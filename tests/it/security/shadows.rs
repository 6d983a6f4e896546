//! Where everybody may create in `public`, somebody's function or operator
//! must never stand in for a built-in one, neither in our sessions nor in what
//! our triggers run in others' sessions.

use crate::support::{Database, NOTES_GUARDED, Pgcleave};

/// Calls of these are never meant for `public`; each raises.
const FUNCTIONS: [&str; 25] = [
    "now() RETURNS timestamptz",
    "clock_timestamp() RETURNS timestamptz",
    "md5(text) RETURNS text",
    "format(text, text) RETURNS text",
    "format(text, bigint, bigint) RETURNS text",
    "to_regclass(text) RETURNS regclass",
    "to_regproc(text) RETURNS regproc",
    "current_setting(text) RETURNS text",
    "current_setting(text, boolean) RETURNS text",
    "set_config(text, text, boolean) RETURNS text",
    "pg_trigger_depth() RETURNS int",
    "pg_current_snapshot() RETURNS pg_snapshot",
    "pg_current_xact_id() RETURNS xid8",
    "pg_visible_in_snapshot(xid8, pg_snapshot) RETURNS boolean",
    "pg_sleep(double precision) RETURNS void",
    "pg_backend_pid() RETURNS int",
    "quote_ident(text) RETURNS text",
    "pg_relation_filenode(regclass) RETURNS oid",
    "pg_get_partition_constraintdef(oid) RETURNS text",
    "hashtextextended(text, bigint) RETURNS bigint",
    "pg_try_advisory_lock(bigint) RETURNS boolean",
    "concat_ws(text, text) RETURNS text",
    "concat_ws(text, bigint) RETURNS text",
    "pg_partition_tree(regclass) RETURNS SETOF record",
    "has_table_privilege(oid, text) RETURNS boolean",
];
const TYPES: [&str; 9] = [
    "bigint",
    "int",
    "text",
    "timestamptz",
    "oid",
    "name",
    "boolean",
    "tid",
    "xid",
];
const OPERATORS: [&str; 6] = ["=", "<>", "<", ">=", "+", "||"];

fn lie_in_wait(database: &Database, who: &str) {
    let body = "LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'a function that lay in wait was run'; END$$";
    let mut sql = format!("SET ROLE {who};");
    for function in FUNCTIONS {
        sql.push_str(&format!("CREATE FUNCTION public.{function} {body};"));
    }
    for one in TYPES {
        sql.push_str(&format!(
            "CREATE FUNCTION public.lurk({one}, {one}) RETURNS boolean {body};"
        ));
        for operator in OPERATORS {
            sql.push_str(&format!(
                "CREATE OPERATOR public.{operator} (LEFTARG = {one}, RIGHTARG = {one}, FUNCTION = public.lurk);"
            ));
        }
    }
    // Exact matches for what built-in ones take only after a conversion are taken first, wherever they are found.
    for (left, right) in [
        ("bigint", "int"),
        ("int", "bigint"),
        ("name", "text"),
        ("oid", "regclass"),
    ] {
        sql.push_str(&format!(
            "CREATE FUNCTION public.lurk({left}, {right}) RETURNS boolean {body};
             CREATE OPERATOR public.= (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = public.lurk);"
        ));
    }
    sql.push_str(
        "CREATE VIEW public.pg_class AS SELECT 1 / 0 AS oid; CREATE VIEW public.pg_trigger AS SELECT 1 / 0 AS oid;
         CREATE VIEW public.pg_locks AS SELECT 1 / 0 AS pid; CREATE VIEW public.pg_stat_activity AS SELECT 1 / 0 AS pid;
         CREATE VIEW public.pg_inherits AS SELECT 1 / 0 AS inhrelid; CREATE VIEW public.pg_constraint AS SELECT 1 / 0 AS oid;
         RESET ROLE;",
    );
    database.run_sql(&sql);
}

fn prepare() -> (Database, Pgcleave) {
    let database = Database::new();
    let who = format!("lurker_of_{}", database.name);
    database.run_sql(&format!(
        "CREATE ROLE {who}; GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC; CREATE SCHEMA app;
         CREATE TABLE app.accounts (id int PRIMARY KEY); INSERT INTO app.accounts VALUES (1);
         CREATE TABLE app.events (id bigserial PRIMARY KEY, note text, account int REFERENCES app.accounts, at timestamptz NOT NULL DEFAULT now());
         CREATE INDEX ON app.events (lower(note)) WHERE id > 5;
         CREATE TABLE app.notes (event bigint REFERENCES app.events ON DELETE CASCADE);
         CREATE VIEW app.recent AS SELECT * FROM app.events WHERE at > now() - interval '1 year';
         INSERT INTO app.events (note, account, at) SELECT 'n', 1, now() - i * interval '8 hours' FROM generate_series(1, 300) i;
         INSERT INTO app.notes SELECT 7"
    ));
    lie_in_wait(&database, &who);
    // The worst that a role's or database's settings can do.
    database.run_sql(&format!(
        "ALTER DATABASE {} SET search_path = public, pg_catalog",
        database.name
    ));
    let pgcleave = Pgcleave::new(&database);
    let monthly = [
        "-q",
        "generate",
        "app.events",
        "--key",
        "at",
        "--interval",
        "monthly",
        "--premake",
        "1",
    ];
    pgcleave.ok(&[&monthly[..], &NOTES_GUARDED].concat());
    (database, pgcleave)
}

/// Statements that call nothing themselves, in a session with that search_path: our triggers run beside it.
fn write(database: &Database) {
    database.run_sql(
        "INSERT INTO app.events (note, account) VALUES ('new', 1); INSERT INTO app.notes VALUES (8);
         UPDATE app.events SET note = 'all'; UPDATE app.events SET at = '2024-02-03 00:00+00';",
    );
}

#[test]
fn functions_in_public_are_never_run_by_pgcleave_or_its_triggers() {
    let (database, pgcleave) = prepare();
    let lies = database.client().batch_execute("SELECT 1::bigint = 1::bigint");
    assert!(lies.is_err(), "the trap must work");
    pgcleave.ok(&[&["inspect", "app.events", "--key", "at"][..], &NOTES_GUARDED].concat());
    for step in [
        "install_sync_trigger",
        "run_batch_copy",
        "catch_up",
        "verify_copy",
        "cut_over",
    ] {
        pgcleave.ok(&["apply", "--yes", "--through", step]);
        write(&database);
    }
    pgcleave.ok(&["verify"]);
    pgcleave.ok(&["status"]);
    pgcleave.ok(&["rollback", "--yes", "--to", "verify_copy"]);
    write(&database);
    pgcleave.ok(&["apply", "--yes", "--through", "move_incoming_foreign_keys"]);
    write(&database);
    pgcleave.ok(&["rollback", "--yes"]);
    write(&database);
    pgcleave.ok(&["apply", "--yes", "--through", "drop_retired_table"]);
    write(&database);
}

#[test]
fn functions_in_public_are_never_run_by_the_files_under_psql() {
    let (database, pgcleave) = prepare();
    let run = |suffix: &str, reverse: bool| {
        let mut files = pgcleave.files(suffix);
        files.retain(|path| reverse || !path.to_str().unwrap().contains("drop_retired_table"));
        if reverse {
            files.reverse();
        }
        for file in files {
            let mut psql = database.program("psql");
            let output = psql
                .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"])
                .arg(&file)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{}: {said}", file.display());
            write(&database);
        }
    };
    run(".up.sql", false);
    run(".down.sql", true);
}
