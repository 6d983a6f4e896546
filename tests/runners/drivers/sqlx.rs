//! `sqlx migrate`, of the package sqlx-cli.

use crate::driver::{Driver, Own, Project, installed, ok, run, time_stamp_after};
use crate::own_migrations::{DROP_OWN, EMPTY, FILL, MAKE, OWN, UNMAKE, prove};
use crate::support::Said;

/// Pairs of files in `migrations`.
pub struct Sqlx;

const CARGO: &str = "\
[package]
name = \"project\"
version = \"0.1.0\"

[dependencies]
sqlx = { version = \"0.9\", features = [\"postgres\", \"migrate\"] }
";

impl Driver for Sqlx {
    fn name(&self) -> &'static str {
        "sqlx"
    }
    fn prepare(&self, project: &Project) {
        project.write("Cargo.toml", CARGO);
        write_pair(project, "20240105093000_own", OWN, DROP_OWN);
        ok(self.up(project));
    }
    fn up(&self, project: &Project) -> Said {
        migrate(project, &["run"])
    }
    fn down(&self, project: &Project, steps: usize) -> Option<Said> {
        // To the version before them, in one run; 0 is before the first.
        let history = self.history(project);
        let left = history.len().checked_sub(steps).unwrap();
        let target = left.checked_sub(1).map_or("0", |last| &history[last]);
        Some(migrate(project, &["revert", "--target-version", target]))
    }
    fn history(&self, project: &Project) -> Vec<String> {
        let all = "SELECT version::text FROM _sqlx_migrations WHERE success ORDER BY version";
        project.database.lines(all)
    }
    fn add(&self, project: &Project, migration: &Own) {
        let version = time_stamp_after(&project.names_in("migrations"));
        let name = format!("{version}_{}", migration.name);
        write_pair(project, &name, migration.up, migration.down);
    }
}

fn migrate(project: &Project, arguments: &[&str]) -> Said {
    let mut command = project.command(installed("sqlx/bin/sqlx"));
    run(command.arg("migrate").args(arguments))
}

fn write_pair(project: &Project, name: &str, up: &str, down: &str) {
    project.write(&format!("migrations/{name}.up.sql"), up);
    project.write(&format!("migrations/{name}.down.sql"), down);
}

#[test]
fn sqlx_runs_its_own_migrations() {
    prove(&Sqlx, |project| {
        let alone = |call: &str| format!("-- no-transaction\n{call}");
        write_pair(project, "20240106101500_make", MAKE, UNMAKE);
        write_pair(project, "20240106101700_fill", &alone(FILL), &alone(EMPTY));
    });
}
