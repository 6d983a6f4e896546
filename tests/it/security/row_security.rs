//! Row-level security: whoever copies or compares sees every row, or says so.

use crate::support::{Database, Pgcleave};

const FILTERED: &str = "query would be affected by row-level security policy";

/// A table of a role that its own policies bind.
fn forced() -> (Database, String) {
    let database = Database::new();
    let owner = format!("bound_in_{}", database.name);
    database.run_sql(&format!(
        "CREATE ROLE {owner} LOGIN; CREATE SCHEMA app AUTHORIZATION {owner}; CREATE SCHEMA pgcleave AUTHORIZATION {owner};
         GRANT pg_read_all_stats TO {owner};
         CREATE TABLE app.events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
         INSERT INTO app.events SELECT i, 'n' || i, now() - i * interval '1 day' FROM generate_series(1, 90) i;
         ALTER TABLE app.events OWNER TO {owner};
         ALTER TABLE app.events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY few ON app.events USING (id % 10 = 0)"
    ));
    (database, owner)
}

fn pgcleave_as(database: &Database, role: &str) -> Pgcleave {
    let url = database.url();
    Pgcleave::at(url.replacen("://postgres@", &format!("://{role}@"), 1))
}

#[test]
fn policies_that_bind_the_owner_are_refused_beforehand() {
    let (database, owner) = forced();
    let generate = ["generate", "app.events", "--key", "at", "--interval", "monthly"];
    for role in [owner.as_str(), "postgres"] {
        let pgcleave = pgcleave_as(&database, role);
        let inspect = pgcleave.run(&["inspect", "app.events", "--key", "at"]);
        assert_eq!(inspect.code, 4, "{}", inspect.stdout);
        let said = pgcleave.run(&generate);
        for text in [&inspect.stdout, &said.stderr] {
            assert!(
                text.contains("row-level security of app.events binds") && text.contains("BYPASSRLS"),
                "{text}"
            );
        }
        assert!(!pgcleave.folder.path().join("migrations_out").exists());
    }
    database.run_sql(&format!("ALTER ROLE {owner} BYPASSRLS"));
    let pgcleave = pgcleave_as(&database, &owner);
    pgcleave.ok(&generate);
    pgcleave.ok(&["-q", "apply", "--yes"]);
    pgcleave.ok(&["verify"]);
    let rows = "SELECT count(*)::text FROM app.events";
    assert_eq!(database.lines(rows), ["90"]);
    pgcleave.ok(&["-q", "rollback", "--yes"]);
    database.run_sql(&format!("ALTER ROLE {owner} NOBYPASSRLS"));
}

#[test]
fn no_step_and_no_comparison_is_filtered_in_silence() {
    let (database, owner) = forced();
    let role = |attribute: &str| database.run_sql(&format!("ALTER ROLE {owner} {attribute}"));
    role("BYPASSRLS");
    let pgcleave = pgcleave_as(&database, &owner);
    pgcleave.ok(&["generate", "app.events", "--key", "at", "--interval", "monthly"]);
    for step in [
        "run_batch_copy",
        "catch_up",
        "keep_in_step",
        "verify_copy",
        "cut_over",
        "verify_cutover",
    ] {
        role("NOBYPASSRLS");
        let said = pgcleave.run(&["-q", "apply", "--yes", "--through", step]);
        assert!(
            said.code != 0 && said.stderr.contains(FILTERED),
            "{step}: {} {}",
            said.stdout,
            said.stderr
        );
        role("BYPASSRLS");
        pgcleave.ok(&["-q", "apply", "--yes", "--through", step]);
        if step != "run_batch_copy" {
            role("NOBYPASSRLS");
            let said = pgcleave.run(&["verify"]);
            assert!(
                said.code != 0 && said.stderr.contains(FILTERED),
                "{step}: {} {}",
                said.stdout,
                said.stderr
            );
            // A writer isn't filtered in silence either: it fails.
            let write = database
                .client()
                .batch_execute("UPDATE app.events SET note = 'x' WHERE id = 3");
            assert!(write.is_err() || step == "catch_up", "{step}");
            role("BYPASSRLS");
        }
    }
    pgcleave.ok(&["-q", "rollback", "--yes"]);
    role("NOBYPASSRLS");
}
