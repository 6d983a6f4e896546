//! node-pg-migrate.

use crate::driver::{Driver, Own, Project, number_after, ok, run};
use crate::node;
use crate::own_migrations::{DROP_OWN, EMPTY, FILL, MAKE, OWN, UNMAKE, prove};
use crate::support::Said;

/// SQL and JavaScript files in `migrations`; all that is pending runs in one transaction,
/// but for what asks for none.
pub struct NodePgMigrate;

impl Driver for NodePgMigrate {
    fn name(&self) -> &'static str {
        "node-pg-migrate"
    }
    fn prepare(&self, project: &Project) {
        node::install(project, "node-pg-migrate");
        write_sql(project, "1704447000000_own", OWN, DROP_OWN);
        ok(self.up(project));
    }
    fn up(&self, project: &Project) -> Said {
        migrate(project, &["up"])
    }
    fn down(&self, project: &Project, steps: usize) -> Option<Said> {
        Some(migrate(project, &["down", &steps.to_string()]))
    }
    fn history(&self, project: &Project) -> Vec<String> {
        project
            .database
            .lines("SELECT name FROM pgmigrations ORDER BY id")
    }
    fn add(&self, project: &Project, migration: &Own) {
        let milliseconds = number_after(&project.names_in("migrations"), "");
        let name = format!("{milliseconds}_{}", migration.name);
        write_sql(project, &name, migration.up, migration.down);
    }
}

fn migrate(project: &Project, arguments: &[&str]) -> Said {
    run(node::program(project, "node-pg-migrate").args(arguments))
}

fn write_sql(project: &Project, name: &str, up: &str, down: &str) {
    let text = format!("-- Up Migration\n{up}\n-- Down Migration\n{down}");
    project.write(&format!("migrations/{name}.sql"), &text);
}

#[test]
fn node_pg_migrate_runs_its_own_migrations() {
    prove(&NodePgMigrate, |project| {
        let alone = |name: &str, sql: &str| {
            format!("exports.{name} = (pgm) => {{\n  pgm.noTransaction();\n  pgm.sql(`{sql}`);\n}};\n")
        };
        write_sql(project, "1704536100000_make", MAKE, UNMAKE);
        let fill = alone("up", FILL) + &alone("down", EMPTY);
        project.write("migrations/1704536220000_fill.cjs", &fill);
    });
}
