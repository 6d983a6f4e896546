//! Liquibase by its class, with formatted SQL. Its npm package holds the jars; the package's
//! own program would look for Java in places of its own.

use std::fs;
use std::process::Command;

use crate::driver::{Driver, Own, Project, installed, ok, run};
use crate::own_migrations::{DROP_OWN, EMPTY, FILL, MAKE, OWN, UNMAKE, prove};
use crate::support::Said;

/// A root changelog in YAML that includes files of formatted SQL.
pub struct Liquibase;

const ROOT: &str = "db/changelog/db.changelog-master.yaml";
const HISTORY: &str = "SELECT id FROM databasechangelog ORDER BY orderexecuted";
const CLASS: &str = "liquibase.integration.commandline.LiquibaseCommandLine";

impl Driver for Liquibase {
    fn name(&self) -> &'static str {
        "liquibase"
    }
    fn prepare(&self, project: &Project) {
        project.write("liquibase.properties", &properties(project));
        project.write(ROOT, "databaseChangeLog:\n");
        let own = changeset("ann:own", OWN, DROP_OWN);
        include(project, "own.sql", &own);
        ok(self.up(project));
    }
    fn up(&self, project: &Project) -> Said {
        run(liquibase(project).arg("update"))
    }
    fn down(&self, project: &Project, steps: usize) -> Option<Said> {
        let count = format!("--count={steps}");
        Some(run(liquibase(project).args(["rollback-count", &count])))
    }
    fn history(&self, project: &Project) -> Vec<String> {
        project.database.lines(HISTORY)
    }
    fn add(&self, project: &Project, migration: &Own) {
        let heading = format!("ann:{}", migration.name);
        let changeset = changeset(&heading, migration.up, migration.down);
        include(project, &format!("{}.sql", migration.name), &changeset);
    }
}

fn liquibase(project: &Project) -> Command {
    let package = installed("liquibase/node_modules/liquibase/dist");
    let package = package.to_str().unwrap();
    let classes = format!("{package}/liquibase/*:{package}/liquibase/lib/*:{package}/drivers/*");
    let mut command = project.command("java");
    // A short life: no time for a better compilation.
    command.args(["-XX:TieredStopAtLevel=1", "-cp", &classes, CLASS]);
    command
}

fn properties(project: &Project) -> String {
    format!(
        "changeLogFile: {ROOT}\nurl: jdbc:{}\nusername: postgres\nliquibase.hub.mode: off\n",
        project.url().replace("postgres@", "")
    )
}

fn changeset(heading: &str, up: &str, down: &str) -> String {
    let down: String = down.lines().map(|line| format!("--rollback {line}\n")).collect();
    format!("--changeset {heading} splitStatements:false rollbackSplitStatements:false\n{up}{down}\n")
}

/// Writes a changelog and adds it to the root's end.
fn include(project: &Project, file: &str, changesets: &str) {
    let path = format!("db/changelog/{file}");
    project.write(&path, &format!("--liquibase formatted sql\n\n{changesets}"));
    let root = project.folder().join(ROOT);
    let text = fs::read_to_string(&root).unwrap();
    fs::write(root, format!("{text}  - include:\n      file: {path}\n")).unwrap();
}

#[test]
fn liquibase_runs_its_own_migrations() {
    prove(&Liquibase, |project| {
        let make = changeset("ann:make", MAKE, UNMAKE);
        let fill = changeset("ann:fill runInTransaction:false", FILL, EMPTY);
        include(project, "probe.sql", &(make + &fill));
    });
}
