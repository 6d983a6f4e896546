//! `knex migrate`.

use crate::driver::{Driver, Own, Project, ok, one_by_one, run, time_stamp_after};
use crate::node;
use crate::own_migrations::{DROP_OWN, EMPTY, FILL, MAKE, OWN, UNMAKE, prove};
use crate::support::Said;

/// JavaScript files in `migrations`.
pub struct Knex;

const CONFIG: &str = "\
module.exports = {
  client: 'pg',
  connection: process.env.DATABASE_URL,
};
";

impl Driver for Knex {
    fn name(&self) -> &'static str {
        "knex"
    }
    fn prepare(&self, project: &Project) {
        node::install(project, "knex");
        project.write("knexfile.js", CONFIG);
        write(project, "20240105093000_own", "", OWN, DROP_OWN);
        ok(self.up(project));
    }
    fn up(&self, project: &Project) -> Said {
        knex(project, "migrate:latest")
    }
    fn down(&self, project: &Project, steps: usize) -> Option<Said> {
        // Its rollback would undo whatever the last run did.
        Some(one_by_one(steps, || knex(project, "migrate:down")))
    }
    fn history(&self, project: &Project) -> Vec<String> {
        project
            .database
            .lines("SELECT name FROM knex_migrations ORDER BY id")
    }
    fn add(&self, project: &Project, migration: &Own) {
        let version = time_stamp_after(&project.names_in("migrations"));
        let name = format!("{version}_{}", migration.name);
        write(project, &name, "", migration.up, migration.down);
    }
}

fn knex(project: &Project, verb: &str) -> Said {
    run(node::program(project, "knex").arg(verb))
}

fn write(project: &Project, name: &str, more: &str, up: &str, down: &str) {
    let function = |name: &str, sql: &str| {
        format!("exports.{name} = async function (knex) {{\n  await knex.raw(`{sql}`);\n}};\n")
    };
    let text = format!("{}{}{more}", function("up", up), function("down", down));
    project.write(&format!("migrations/{name}.js"), &text);
}

#[test]
fn knex_runs_its_own_migrations() {
    prove(&Knex, |project| {
        let alone = "exports.config = { transaction: false };\n";
        write(project, "20240106101500_make", "", MAKE, UNMAKE);
        write(project, "20240106101700_fill", alone, FILL, EMPTY);
    });
}
