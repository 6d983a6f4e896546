//! `refinery migrate`, of the package refinery_cli.

use crate::driver::{Driver, Own, Project, installed, number_after, ok, run};
use crate::own_migrations::{FILL, MAKE, OWN, prove_transactions};
use crate::support::Said;

/// Numbered files in `migrations`, each in a transaction; it knows no way back.
pub struct Refinery;

impl Driver for Refinery {
    fn name(&self) -> &'static str {
        "refinery"
    }
    fn prepare(&self, project: &Project) {
        let config = format!(
            "[main]\ndb_type = \"Postgres\"\ndb_host = \"127.0.0.1\"\ndb_port = \"{}\"\ndb_user = \"postgres\"\ndb_name = \"{}\"\n",
            project.port(),
            project.database.name
        );
        project.write("refinery.toml", &config);
        project.write("migrations/V1__own.sql", OWN);
        ok(self.up(project));
    }
    fn up(&self, project: &Project) -> Said {
        run(project.command(installed("refinery/bin/refinery")).arg("migrate"))
    }
    fn down(&self, _: &Project, _: usize) -> Option<Said> {
        None
    }
    fn history(&self, project: &Project) -> Vec<String> {
        let all = "SELECT version || '__' || name FROM refinery_schema_history ORDER BY version";
        project.database.lines(all)
    }
    fn add(&self, project: &Project, migration: &Own) {
        let number = number_after(&project.names_in("migrations"), "V");
        let path = format!("migrations/V{number}__{}.sql", migration.name);
        project.write(&path, migration.up);
    }
    fn goes_back(&self) -> bool {
        false
    }
    fn forget_last(&self, project: &Project) {
        project.database.run_sql(
            "DELETE FROM refinery_schema_history
              WHERE version = (SELECT max(version) FROM refinery_schema_history)",
        );
    }
}

#[test]
fn refinery_runs_its_own_migrations() {
    prove_transactions(&Refinery, |project| {
        project.write("migrations/V2__make.sql", MAKE);
    });
}

#[test]
fn refinery_runs_nothing_outside_a_transaction() {
    let project = Project::new();
    Refinery.prepare(&project);
    project.write("migrations/V2__make.sql", MAKE);
    project.write("migrations/V3__fill.sql", FILL);
    let said = Refinery.up(&project);
    assert_ne!(said.code, 0);
    assert!(
        said.stderr.contains("invalid transaction termination"),
        "{}\n{}",
        said.stdout,
        said.stderr
    );
    assert_eq!(Refinery.history(&project).len(), 2);
}
