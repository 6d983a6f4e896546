//! dbmate.

use crate::driver::{Driver, Own, Project, ok, one_by_one, run, time_stamp_after};
use crate::node;
use crate::own_migrations::{DROP_OWN, EMPTY, FILL, MAKE, OWN, UNMAKE, prove};
use crate::support::Said;

/// Files in `db/migrations` with both ways in each.
pub struct Dbmate;

impl Driver for Dbmate {
    fn name(&self) -> &'static str {
        "dbmate"
    }
    fn prepare(&self, project: &Project) {
        node::install(project, "dbmate");
        write(project, "20240105093000_own", "", OWN, DROP_OWN);
        ok(self.up(project));
    }
    fn up(&self, project: &Project) -> Said {
        dbmate(project, "up")
    }
    fn down(&self, project: &Project, steps: usize) -> Option<Said> {
        Some(one_by_one(steps, || dbmate(project, "rollback")))
    }
    fn history(&self, project: &Project) -> Vec<String> {
        let all = "SELECT version FROM schema_migrations ORDER BY version";
        project.database.lines(all)
    }
    fn add(&self, project: &Project, migration: &Own) {
        let version = time_stamp_after(&project.names_in("db/migrations"));
        let name = format!("{version}_{}", migration.name);
        write(project, &name, "", migration.up, migration.down);
    }
}

fn dbmate(project: &Project, verb: &str) -> Said {
    let mut command = node::program(project, "dbmate");
    // Its library asks for TLS unless told otherwise.
    let url = format!("{}?sslmode=disable", project.url());
    run(command.env("DATABASE_URL", url).args(["--no-dump-schema", verb]))
}

fn write(project: &Project, name: &str, option: &str, up: &str, down: &str) {
    let text = format!("-- migrate:up{option}\n{up}\n-- migrate:down{option}\n{down}");
    project.write(&format!("db/migrations/{name}.sql"), &text);
}

#[test]
fn dbmate_runs_its_own_migrations() {
    prove(&Dbmate, |project| {
        write(project, "20240106101500_make", "", MAKE, UNMAKE);
        write(project, "20240106101700_fill", " transaction:false", FILL, EMPTY);
    });
}
