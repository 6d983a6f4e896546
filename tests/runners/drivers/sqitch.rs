//! Sqitch, which runs each script by a psql of its own.

use std::fs;
use std::process::Command;

use crate::driver::{Driver, Own, Project, ok, run};
use crate::own_migrations::{DROP_OWN, EMPTY, FILL, MAKE, OWN, UNMAKE, prove};
use crate::support::Said;

/// As `sqitch init` makes it.
pub struct Sqitch;

const HISTORY: &str = "SELECT change FROM sqitch.changes ORDER BY committed_at";

impl Driver for Sqitch {
    fn name(&self) -> &'static str {
        "sqitch"
    }
    fn prepare(&self, project: &Project) {
        let target = project.url().replace("postgresql:", "db:pg:");
        let psql = project.database.program("psql");
        ok(run(sqitch(project)
            .args(["init", "shop", "--engine", "pg", "--target", &target, "--client"])
            .arg(psql.get_program())));
        ok(run(sqitch(project).args([
            "add",
            "own",
            "--note",
            "A table of the project's",
        ])));
        write_scripts(project, "own", &in_transaction(OWN), &in_transaction(DROP_OWN));
        project.write("verify/own.sql", "SELECT n FROM own;\n");
        ok(self.up(project));
    }
    /// Without the mode, one failure would undo all changes of the same run. Each change is
    /// verified when it has run.
    fn up(&self, project: &Project) -> Said {
        run(sqitch(project).args(["deploy", "--mode", "change", "--verify"]))
    }
    fn down(&self, project: &Project, steps: usize) -> Option<Said> {
        let last = format!("@HEAD^{steps}");
        Some(run(sqitch(project).args(["revert", "-y", "--to", &last])))
    }
    fn history(&self, project: &Project) -> Vec<String> {
        project.database.lines(HISTORY)
    }
    fn add(&self, project: &Project, migration: &Own) {
        let text = fs::read_to_string(project.folder().join("sqitch.plan")).unwrap();
        let before = text.lines().last().unwrap().split(' ').next().unwrap();
        plan(project, [migration.name, before]);
        let [deploy, revert] = [migration.up, migration.down].map(in_transaction);
        write_scripts(project, migration.name, &deploy, &revert);
    }
}

fn sqitch(project: &Project) -> Command {
    let mut command = project.command("sqitch");
    command
        .env("SQITCH_FULLNAME", "Ann")
        .env("SQITCH_EMAIL", "ann@example.org");
    command
}

fn in_transaction(sql: &str) -> String {
    format!("BEGIN;\n{sql}COMMIT;\n")
}

fn write_scripts(project: &Project, change: &str, deploy: &str, revert: &str) {
    project.write(&format!("deploy/{change}.sql"), deploy);
    project.write(&format!("revert/{change}.sql"), revert);
}

/// Adds a change to the end of the plan.
fn plan(project: &Project, [change, before]: [&str; 2]) {
    let file = project.folder().join("sqitch.plan");
    let text = fs::read_to_string(&file).unwrap();
    let line = format!("{change} [{before}] 2030-01-01T00:00:00Z Ann <ann@example.org> # by hand\n");
    fs::write(file, text + &line).unwrap();
}

#[test]
fn sqitch_runs_its_own_migrations() {
    prove(&Sqitch, |project| {
        write_scripts(project, "make", &in_transaction(MAKE), &in_transaction(UNMAKE));
        write_scripts(project, "fill", FILL, EMPTY);
        project.write("verify/make.sql", "SELECT n FROM probe;\n");
        project.write("verify/fill.sql", "SELECT 1 / count(*) FROM probe WHERE n = 4;\n");
        plan(project, ["make", "own"]);
        plan(project, ["fill", "make"]);
    });
}
