//! Alembic with the `env.py` of its own template, by which all that is pending runs in one
//! transaction, as far as no migration ends it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::driver::{Driver, Own, Project, installed, ok, run};
use crate::own_migrations::{DROP_OWN, EMPTY, FILL, MAKE, OWN, UNMAKE, prove};
use crate::support::Said;

/// As `alembic init alembic` makes it.
pub struct Alembic;

impl Driver for Alembic {
    fn name(&self) -> &'static str {
        "alembic"
    }
    fn prepare(&self, project: &Project) {
        ok(run(alembic(project).args(["init", "alembic"])));
        let file = project.folder().join("alembic.ini");
        let settings = fs::read_to_string(&file).unwrap();
        let url = project.url().replace("postgresql:", "postgresql+psycopg:");
        let ours = settings.replace("driver://user:pass@localhost/dbname", &url);
        assert_ne!(ours, settings);
        fs::write(file, ours).unwrap();
        write(project, ["own", "None"], &execute(OWN), &execute(DROP_OWN));
        ok(self.up(project));
    }
    fn up(&self, project: &Project) -> Said {
        run(alembic(project).args(["upgrade", "head"]))
    }
    fn down(&self, project: &Project, steps: usize) -> Option<Said> {
        Some(run(alembic(project).args(["downgrade", &format!("-{steps}")])))
    }
    /// Its table holds the newest revision alone; the files say which came before.
    fn history(&self, project: &Project) -> Vec<String> {
        let before = befores(project);
        let newest = project
            .database
            .lines("SELECT version_num::text FROM alembic_version");
        let mut history: Vec<String> =
            std::iter::successors(newest.first().cloned(), |r| before[r].clone()).collect();
        history.reverse();
        history
    }
    fn add(&self, project: &Project, migration: &Own) {
        let befores = befores(project);
        let is_head = |r: &&String| !befores.values().any(|before| before.as_ref() == Some(*r));
        let before = format!("'{}'", befores.keys().find(is_head).unwrap());
        let [up, down] = [migration.up, migration.down].map(execute);
        write(project, [migration.name, &before], &up, &down);
    }
}

fn alembic(project: &Project) -> Command {
    project.command(installed("python/bin/alembic"))
}

/// Each revision and the one before it, by the files: the program takes seconds to say so.
fn befores(project: &Project) -> BTreeMap<String, Option<String>> {
    let folder = "alembic/versions";
    let names = project.names_in(folder);
    let revision = |name: &String| {
        let text = fs::read_to_string(project.folder().join(folder).join(name)).unwrap();
        let assigned = |to: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(to)).unwrap();
            line.split('\'').nth(1).map(str::to_owned)
        };
        (assigned("revision = ").unwrap(), assigned("down_revision = "))
    };
    let files = names.iter().filter(|name| name.ends_with(".py"));
    files.map(revision).collect()
}

fn execute(sql: &str) -> String {
    format!("    op.execute(r'''\n{sql}''')\n")
}

fn outside_transaction(sql: &str) -> String {
    let call = execute(sql).replace("    op", "        op");
    format!("    with op.get_context().autocommit_block():\n{call}")
}

/// A migration, by its revision and the literal of the one before it.
fn write(project: &Project, [revision, before]: [&str; 2], up: &str, down: &str) {
    let text = format!(
        "from alembic import op\n\nrevision = '{revision}'\ndown_revision = {before}\nbranch_labels = None\n\
         depends_on = None\n\n\ndef upgrade() -> None:\n{up}\n\ndef downgrade() -> None:\n{down}"
    );
    project.write(&format!("alembic/versions/{revision}_by_hand.py"), &text);
}

#[test]
fn alembic_runs_its_own_migrations() {
    prove(&Alembic, |project| {
        write(project, ["make", "'own'"], &execute(MAKE), &execute(UNMAKE));
        let [fill, empty] = [FILL, EMPTY].map(outside_transaction);
        write(project, ["fill", "'make'"], &fill, &empty);
    });
}
