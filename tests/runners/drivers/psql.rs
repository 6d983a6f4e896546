//! psql, a file at a time: what has run is known to whoever ran it.

use std::fs;

use crate::driver::{Driver, Project, ok, one_by_one, run};
use crate::own_migrations::{DROP_OWN, EMPTY, FILL, MAKE, OWN, UNMAKE, prove};
use crate::support::Said;

/// Numbered pairs of files in `migrations`, by hand.
pub struct Psql;

/// The names of the files that have run, a line each.
const HISTORY: &str = "history";

impl Driver for Psql {
    fn name(&self) -> &'static str {
        "plain"
    }
    fn prepare(&self, project: &Project) {
        write_pair(project, "0001_own", OWN, DROP_OWN);
        ok(self.up(project));
    }
    fn up(&self, project: &Project) -> Said {
        let done = history(project);
        let names = project.names_in("migrations");
        let ups = names.iter().filter_map(|name| name.strip_suffix(".up.sql"));
        let pending: Vec<&str> = ups.filter(|name| !done.contains(&(*name).to_owned())).collect();
        let mut said = Said {
            code: 0,
            stdout: String::new(),
            stderr: String::new(),
        };
        for name in pending {
            said = psql(project, &format!("migrations/{name}.up.sql"));
            if said.code != 0 {
                break;
            }
            note(project, &[history(project), vec![name.to_owned()]].concat());
        }
        said
    }
    fn down(&self, project: &Project, steps: usize) -> Option<Said> {
        Some(one_by_one(steps, || undo_last(project)))
    }
    fn history(&self, project: &Project) -> Vec<String> {
        history(project)
    }
}

fn history(project: &Project) -> Vec<String> {
    let text = fs::read_to_string(project.folder().join(HISTORY)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn undo_last(project: &Project) -> Said {
    let mut done = history(project);
    let name = done.pop().unwrap();
    let said = psql(project, &format!("migrations/{name}.down.sql"));
    if said.code == 0 {
        note(project, &done);
    }
    said
}

fn psql(project: &Project, file: &str) -> Said {
    let program = project.database.program("psql");
    let mut command = project.command(program.get_program());
    command.args(["-X", "-v", "ON_ERROR_STOP=1", "-d", project.url(), "-f", file]);
    run(&mut command)
}

fn note(project: &Project, done: &[String]) {
    let lines: String = done.iter().map(|name| format!("{name}\n")).collect();
    project.write(HISTORY, &lines);
}

fn write_pair(project: &Project, name: &str, up: &str, down: &str) {
    project.write(&format!("migrations/{name}.up.sql"), up);
    project.write(&format!("migrations/{name}.down.sql"), down);
}

#[test]
fn psql_runs_its_own_migrations() {
    prove(&Psql, |project| {
        let make = format!("BEGIN;\n{MAKE}COMMIT;\n");
        write_pair(project, "0002_make", &make, &format!("BEGIN;\n{UNMAKE}COMMIT;\n"));
        write_pair(project, "0003_fill", FILL, EMPTY);
    });
}
