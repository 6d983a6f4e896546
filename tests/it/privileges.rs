//! Roles with few rights, and doors that stay shut.

use crate::support::{Database, Pgcleave};

/// A database with a role of its own name, which owns a table and nothing else.
struct Owned {
    database: Database,
    role: String,
}

impl Owned {
    fn new() -> Self {
        let database = Database::new();
        let role = format!("owner_of_{}", database.name);
        database.run_sql(&format!(
            "CREATE ROLE {role} LOGIN;
             CREATE SCHEMA app AUTHORIZATION {role};
             CREATE TABLE app.events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, note text);
             INSERT INTO app.events (at, note) SELECT timestamptz '2024-01-15 00:00+00' + i * interval '1 day', 'row ' || i FROM generate_series(1, 100) i;
             ALTER TABLE app.events OWNER TO {role}"
        ));
        Self { database, role }
    }

    /// pgcleave as some role.
    fn pgcleave_as(&self, role: &str) -> Pgcleave {
        let url = self
            .database
            .url()
            .replacen("://postgres@", &format!("://{role}@"), 1);
        assert!(url.contains(role), "{url}");
        Pgcleave::at(url)
    }

    fn owner(&self) -> Pgcleave {
        self.pgcleave_as(&self.role)
    }

    fn kind(&self) -> Vec<String> {
        self.database
            .lines("SELECT relkind::text FROM pg_class WHERE oid = 'app.events'::regclass")
    }
}

const GENERATE: [&str; 6] = ["generate", "app.events", "--key", "at", "--interval", "monthly"];

#[test]
fn an_owner_without_any_other_right_converts_its_table_and_goes_back() {
    let owned = Owned::new();
    let dump = owned.database.dump();
    // The history's schema, made for the role as the hint says.
    owned
        .database
        .run_sql(&format!("CREATE SCHEMA pgcleave AUTHORIZATION {}", owned.role));
    let pgcleave = owned.owner();
    let said = pgcleave.ok(&["inspect", "app.events", "--key", "at"]);
    assert!(said.stdout.contains("pg_read_all_stats"), "{}", said.stdout);
    pgcleave.ok(&GENERATE);

    let said = pgcleave.run(&["apply", "--yes"]);
    assert_eq!(said.code, 4, "{}\n{}", said.stdout, said.stderr);
    assert!(said.stderr.contains("unseen_snapshots"), "{}", said.stderr);
    assert_eq!(owned.kind(), ["r"]);
    pgcleave.ok(&["apply", "--yes", "--allow", "unseen_snapshots"]);
    assert_eq!(owned.kind(), ["p"]);
    let owners = owned.database.lines(
        "SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class WHERE relnamespace = 'app'::regnamespace",
    );
    assert_eq!(owners, [owned.role.as_str()]);
    pgcleave.ok(&["verify"]);
    pgcleave.ok(&["rollback", "--yes"]);
    owned.database.run_sql("DROP SCHEMA IF EXISTS pgcleave");
    assert_eq!(owned.database.dump(), dump);
}

#[test]
fn pg_read_all_stats_is_enough_to_see_the_snapshots() {
    let owned = Owned::new();
    let (name, role) = (&owned.database.name, &owned.role);
    owned.database.run_sql(&format!(
        "GRANT CREATE ON DATABASE {name} TO {role}; GRANT pg_read_all_stats TO {role}"
    ));
    let pgcleave = owned.owner();
    pgcleave.ok(&GENERATE);
    pgcleave.ok(&["apply", "--yes"]);
    assert_eq!(owned.kind(), ["p"]);
    pgcleave.ok(&["rollback", "--yes"]);
    assert_eq!(owned.kind(), ["r"]);
}

#[test]
fn a_member_of_the_owner_may_convert_and_the_owner_stays_owner() {
    let owned = Owned::new();
    let (name, role) = (&owned.database.name, &owned.role);
    let member = format!("member_of_{name}");
    owned.database.run_sql(&format!(
        "CREATE ROLE {member} LOGIN IN ROLE {role}; GRANT CREATE ON DATABASE {name} TO {member}; GRANT pg_read_all_stats TO {member}"
    ));
    let pgcleave = owned.pgcleave_as(&member);
    pgcleave.ok(&GENERATE);
    pgcleave.ok(&["apply", "--yes"]);
    let owner = owned
        .database
        .lines("SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = 'app.events'::regclass");
    assert_eq!(owner, [role.as_str()]);
    // Functions that run with their owner's rights run with the table owner's, not the member's.
    let functions = owned.database.lines(
        "SELECT DISTINCT pg_get_userbyid(proowner)::text FROM pg_proc WHERE pronamespace = 'app'::regnamespace AND prosecdef",
    );
    assert_eq!(functions, [role.as_str()]);
    pgcleave.ok(&["rollback", "--yes"]);
}

#[test]
fn a_role_that_does_not_own_the_table_is_turned_away() {
    let owned = Owned::new();
    let stranger = format!("stranger_of_{}", owned.database.name);
    owned.database.run_sql(&format!(
        "CREATE ROLE {stranger} LOGIN; GRANT ALL ON SCHEMA app TO {stranger}; GRANT ALL ON app.events TO {stranger}"
    ));
    let dump = owned.database.dump();
    let pgcleave = owned.pgcleave_as(&stranger);
    let said = pgcleave.run(&GENERATE);
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(said.stderr.contains(&owned.role), "{}", said.stderr);
    assert_eq!(owned.database.dump(), dump);
}

#[test]
fn a_writer_needs_no_right_on_anything_of_ours() {
    let owned = Owned::new();
    let writer = format!("writer_of_{}", owned.database.name);
    owned.database.run_sql(&format!(
        "CREATE ROLE {writer}; GRANT USAGE ON SCHEMA app TO {writer}; GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON app.events TO {writer}"
    ));
    let pgcleave = Pgcleave::new(&owned.database);
    pgcleave.ok(&GENERATE);
    for step in ["run_batch_copy", "verify_copy", "cut_over"] {
        pgcleave.ok(&["apply", "--yes", "--through", step]);
        owned.database.run_sql(&format!(
            "SET ROLE {writer};
             INSERT INTO app.events (at, note) VALUES ('2024-02-02 00:00+00', 'by a writer');
             UPDATE app.events SET note = 'changed', at = at + interval '1 month' WHERE note = 'row 10';
             DELETE FROM app.events WHERE note = 'row 11'"
        ));
        let tables = owned.database.lines(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relname LIKE '%pgcleave%' AND relkind IN ('r', 'p')",
        );
        for table in tables
            .iter()
            .filter(|table| step != "cut_over" || !table.ends_with("_copy"))
        {
            let refused = owned
                .database
                .client()
                .batch_execute(&format!("SET ROLE {writer}; SELECT FROM app.{table}"));
            assert!(
                refused.is_err() || table.ends_with("_copy") || table.ends_with("_retired"),
                "{table} is open"
            );
        }
    }
    pgcleave.ok(&["verify"]);
    pgcleave.ok(&["rollback", "--yes"]);
    let rows = owned
        .database
        .lines("SELECT count(*)::text FROM app.events WHERE note = 'by a writer'");
    assert_eq!(rows, ["3"]);
}

#[test]
fn a_database_that_is_not_there_is_no_connection() {
    let database = Database::new();
    let url = database.url().replace(&database.name, "no_such_database");
    let said = Pgcleave::at(url).run(&["inspect", "events"]);
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(said.stderr.contains("no_such_database"), "{}", said.stderr);
}

#[test]
fn a_server_that_is_not_there_is_no_connection_and_shows_no_password() {
    let said =
        Pgcleave::at("postgresql://me:sesame@localhost:1/db".to_owned()).run(&["-v", "inspect", "events"]);
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(!said.stderr.contains("sesame"), "{}", said.stderr);
    assert!(said.stderr.contains("hint:"), "{}", said.stderr);
}

#[test]
fn reading_does_not_wait_for_ever_for_a_rewrite_under_way() {
    let database = Database::new();
    database.run_sql("CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL)");
    let mut holder = database.client();
    holder.batch_execute("BEGIN; LOCK TABLE events").unwrap();
    let said = Pgcleave::new(&database).run(&["inspect", "events", "--key", "at"]);
    assert_eq!(said.code, 6, "{}", said.stderr);
    assert!(
        said.stderr.contains("somebody holds it locked"),
        "{}",
        said.stderr
    );
}
