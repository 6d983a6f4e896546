//! `graphile-migrate migrate`.

use std::fs;

use crate::driver::{Driver, Own, Project, number_after, ok, run};
use crate::node;
use crate::own_migrations::{FILL, MAKE, OWN, prove};
use crate::support::Said;

/// Numbered files in `migrations/committed`, each with the hash of itself and of all before
/// it; it knows no way back.
pub struct GraphileMigrate;

/// Writes what `graphile-migrate commit` would, which wants a second database for it.
const COMMIT: &str = "\
const { calculateHash } = require('graphile-migrate/dist/hash');
const { serializeMigration } = require('graphile-migrate/dist/migration');
const { readdirSync, readFileSync, writeFileSync } = require('fs');
const [name, body] = process.argv.slice(1);
const folder = 'migrations/committed/';
const last = readdirSync(folder).sort().pop();
const previous = last && readFileSync(folder + last, 'utf8').match(/^--! Hash: (.*)$/m)[1];
const hash = calculateHash(body, previous);
const headers = { Previous: previous || '-', Hash: hash, Message: name };
writeFileSync(folder + name, serializeMigration(body, headers));
";

impl Driver for GraphileMigrate {
    fn name(&self) -> &'static str {
        "graphile-migrate"
    }
    fn prepare(&self, project: &Project) {
        node::install(project, "graphile-migrate");
        ok(graphile_migrate(project, "init"));
        commit(project, "000001-own.sql", OWN);
        ok(self.up(project));
    }
    fn up(&self, project: &Project) -> Said {
        graphile_migrate(project, "migrate")
    }
    fn down(&self, _: &Project, _: usize) -> Option<Said> {
        None
    }
    fn history(&self, project: &Project) -> Vec<String> {
        let all = "SELECT filename FROM graphile_migrate.migrations ORDER BY filename";
        project.database.lines(all)
    }
    fn add(&self, project: &Project, migration: &Own) {
        let number = number_after(&project.names_in("migrations/committed"), "");
        let name = format!("{number:06}-{}.sql", migration.name);
        commit(project, &name, migration.up);
    }
    fn goes_back(&self) -> bool {
        false
    }
    fn forget_last(&self, project: &Project) {
        project.database.run_sql(
            "DELETE FROM graphile_migrate.migrations
              WHERE filename = (SELECT max(filename) FROM graphile_migrate.migrations)",
        );
    }
}

fn graphile_migrate(project: &Project, verb: &str) -> Said {
    run(node::program(project, "graphile-migrate").arg(verb))
}

fn commit(project: &Project, name: &str, body: &str) {
    fs::create_dir_all(project.folder().join("migrations/committed")).unwrap();
    ok(run(node::node(project).args(["-e", COMMIT, name, body])));
}

#[test]
fn graphile_migrate_runs_its_own_migrations() {
    prove(&GraphileMigrate, |project| {
        commit(project, "000002-make.sql", MAKE);
        commit(project, "000003-fill.sql", &format!("--! no-transaction\n{FILL}"));
    });
}
