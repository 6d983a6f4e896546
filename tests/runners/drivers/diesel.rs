//! `diesel migration`, of the package diesel_cli.

use std::fs;

use crate::driver::{Driver, Own, Project, installed, ok, run, time_stamp_after};
use crate::own_migrations::{DROP_OWN, EMPTY, FILL, MAKE, OWN, UNMAKE, prove};
use crate::support::Said;

/// A folder per migration in `migrations`, and `src/schema.rs`, which each run writes anew.
pub struct Diesel;

const CARGO: &str = "\
[package]
name = \"project\"
version = \"0.1.0\"

[dependencies]
diesel = { version = \"2.3\", features = [\"postgres\"] }
";

impl Driver for Diesel {
    fn name(&self) -> &'static str {
        "diesel"
    }
    fn prepare(&self, project: &Project) {
        project.write("Cargo.toml", CARGO);
        project.write("src/lib.rs", "");
        // It writes diesel.toml and a first migration.
        ok(diesel(project, &["setup"]));
        write_pair(project, "2024-01-05-093000-0000_own", OWN, DROP_OWN);
        ok(self.up(project));
    }
    fn up(&self, project: &Project) -> Said {
        diesel(project, &["migration", "run"])
    }
    fn down(&self, project: &Project, steps: usize) -> Option<Said> {
        Some(diesel(
            project,
            &["migration", "revert", "-n", &steps.to_string()],
        ))
    }
    fn history(&self, project: &Project) -> Vec<String> {
        let all = "SELECT version FROM __diesel_schema_migrations ORDER BY version";
        project.database.lines(all)
    }
    /// `print_schema` needs the filter that pgcleave names.
    fn heed(&self, project: &Project, said: &str) {
        let filter = said
            .split("[print_schema] ")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap();
        let file = project.folder().join("diesel.toml");
        let text = fs::read_to_string(&file).unwrap();
        let section = "[print_schema]\n";
        assert!(text.contains(section), "{text}");
        let filtered = text.replace(section, &format!("{section}{filter}\n"));
        fs::write(file, filtered).unwrap();
    }
    fn add(&self, project: &Project, migration: &Own) {
        let stamp = time_stamp_after(&project.names_in("migrations"));
        let part = |from, to| &stamp[from..to];
        let date = format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8));
        let name = format!("{date}-{}-0000_{}", part(8, 14), migration.name);
        write_pair(project, &name, migration.up, migration.down);
    }
}

fn diesel(project: &Project, arguments: &[&str]) -> Said {
    run(project.command(installed("diesel/bin/diesel")).args(arguments))
}

fn write_pair(project: &Project, name: &str, up: &str, down: &str) {
    project.write(&format!("migrations/{name}/up.sql"), up);
    project.write(&format!("migrations/{name}/down.sql"), down);
}

#[test]
fn diesel_runs_its_own_migrations() {
    prove(&Diesel, |project| {
        write_pair(project, "2024-01-06-101500-0000_make", MAKE, UNMAKE);
        write_pair(project, "2024-01-06-101700-0000_fill", FILL, EMPTY);
        let alone = "run_in_transaction = false\n";
        project.write("migrations/2024-01-06-101700-0000_fill/metadata.toml", alone);
    });
}
