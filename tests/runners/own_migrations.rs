//! Each driver proven with two migrations that a person could have written.

use crate::driver::{Driver, Project, ok};

/// Makes a table and, in one transaction with it, its rows; and procedures that commit.
pub const MAKE: &str = "\
CREATE TABLE probe (n int PRIMARY KEY, xact text);
INSERT INTO probe VALUES (1, pg_current_xact_id()::text);
INSERT INTO probe VALUES (2, pg_current_xact_id()::text);
CREATE PROCEDURE fill_probe() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO probe VALUES (3, pg_current_xact_id()::text);
    COMMIT;
    INSERT INTO probe VALUES (4, pg_current_xact_id()::text);
    COMMIT;
END $$;
CREATE PROCEDURE empty_probe() LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM probe WHERE n = 4;
    COMMIT;
    DELETE FROM probe WHERE n = 3;
    COMMIT;
END $$;
";
pub const UNMAKE: &str = "\
DROP PROCEDURE empty_probe(), fill_probe();
DROP TABLE probe;
";
/// Fails in a transaction block, and when anything else is sent with it.
pub const FILL: &str = "CALL fill_probe();\n";
pub const EMPTY: &str = "CALL empty_probe();\n";

/// A table of the project's own, as it stood there before pgcleave came.
pub const OWN: &str = "CREATE TABLE own (n int PRIMARY KEY);\n";
pub const DROP_OWN: &str = "DROP TABLE own;\n";

/// The rows of `probe`, and in how many transactions they were written.
const ROWS: &str = "SELECT string_agg(n::text, ' ' ORDER BY n) || ': ' || count(DISTINCT xact) FROM probe";

/// Runs them, back, and again, where there is a way back. `write` writes both in the runner's
/// format: [`MAKE`] in a transaction, [`FILL`] outside one.
pub fn prove(driver: &dyn Driver, write: impl Fn(&Project)) {
    let project = Project::new();
    let before = run_up(driver, &project, write);
    let count = || driver.history(&project).len();
    assert_eq!(count(), before + 2);
    assert_eq!(project.database.lines(ROWS), ["1 2 3 4: 3"]);

    let Some(said) = driver.down(&project, 1) else {
        return;
    };
    ok(said);
    assert_eq!(count(), before + 1);
    assert_eq!(project.database.lines(ROWS), ["1 2: 1"]);
    ok(driver.up(&project));
    ok(driver.down(&project, 2).unwrap());
    assert_eq!(count(), before);
    assert_eq!(tables(&project), ["own"]);

    ok(driver.up(&project));
    assert_eq!(count(), before + 2);
    assert_eq!(project.database.lines(ROWS), ["1 2 3 4: 3"]);
}

/// For a runner that runs everything in transactions and knows no way back: `write` writes
/// [`MAKE`] only.
pub fn prove_transactions(driver: &dyn Driver, write: impl Fn(&Project)) {
    let project = Project::new();
    let before = run_up(driver, &project, write);
    assert_eq!(driver.history(&project).len(), before + 1);
    assert_eq!(project.database.lines(ROWS), ["1 2: 1"]);
}

/// Makes the project and runs what is written, once in vain. How many had run before?
fn run_up(driver: &dyn Driver, project: &Project, write: impl Fn(&Project)) -> usize {
    driver.prepare(project);
    let before = driver.history(project).len();
    assert!(before > 0, "{} has no history", driver.name());
    assert_eq!(tables(project), ["own"]);
    write(project);

    project.database.run_sql("CREATE TABLE probe ()");
    let said = driver.up(project);
    let output = said.stdout + &said.stderr;
    assert_ne!(said.code, 0, "{output}");
    assert!(output.contains("relation \"probe\" already exists"), "{output}");
    assert_eq!(driver.history(project).len(), before);
    project.database.run_sql("DROP TABLE probe");

    ok(driver.up(project));
    before
}

fn tables(project: &Project) -> Vec<String> {
    let all = "SELECT relname::text FROM pg_class WHERE relname IN ('own', 'probe') ORDER BY 1";
    project.database.lines(all)
}
