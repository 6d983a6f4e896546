//! Alembic with the `env.py` of its own template, by which all that is pending runs in one
//! transaction, as far as no migration ends it.

use std::fs;
use std::process::Command;

use crate::driver::{Driver, Project, installed, ok, run};
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
        let said = ok(run(alembic(project).args(["history", "-r", "base:current"])));
        let lines = said.stdout.lines().rev();
        // `<base> -> own, message`, or `own -> make (head), message`.
        let revisions = lines.map(|line| line.split_once(" -> ").unwrap().1);
        revisions
            .map(|revision| revision.split([' ', ',']).next().unwrap().to_owned())
            .collect()
    }
}

fn alembic(project: &Project) -> Command {
    project.command(installed("python/bin/alembic"))
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
