//! psql, a file at a time: what is to run, and what has run, is known to whoever runs it.

use std::fs;

use crate::driver::{Driver, Own, Project, ok, one_by_one, run};
use crate::own_migrations::{DROP_OWN, EMPTY, FILL, MAKE, OWN, UNMAKE, prove};
use crate::support::Said;

/// Pairs of files: those in `migrations` by hand, and those that pgcleave writes as they are.
pub struct Psql;

/// The files that are to run, without `.up.sql`, a line each.
const ORDER: &str = "order";
/// Those that have run.
const HISTORY: &str = "history";
const NOTHING: Said = Said {
    code: 0,
    stdout: String::new(),
    stderr: String::new(),
};

impl Driver for Psql {
    fn name(&self) -> &'static str {
        "plain"
    }
    fn prepare(&self, project: &Project) {
        write_pair(project, "0001_own", OWN, DROP_OWN);
        ok(self.up(project));
    }
    fn up(&self, project: &Project) -> Said {
        let mut done = lines(project, HISTORY);
        let order = lines(project, ORDER);
        let mut said = NOTHING;
        for name in order
            .iter()
            .filter(|name| !lines(project, HISTORY).contains(name))
        {
            said = psql(project, &format!("{name}.up.sql"));
            if said.code != 0 {
                break;
            }
            done.push(name.clone());
            note(project, HISTORY, &done);
        }
        said
    }
    fn down(&self, project: &Project, steps: usize) -> Option<Said> {
        Some(one_by_one(steps, || undo_last(project)))
    }
    fn history(&self, project: &Project) -> Vec<String> {
        lines(project, HISTORY)
    }
    fn add(&self, project: &Project, migration: &Own) {
        let number = project.names_in("migrations").len() / 2 + 1;
        let name = format!("{number:04}_{}", migration.name);
        let [up, down] = [migration.up, migration.down].map(in_transaction);
        write_pair(project, &name, &up, &down);
    }
    fn adopt(&self, project: &Project, through: &str) {
        let folder = "migrations_out/public.events";
        for name in project.names_in(folder) {
            if let Some(step) = name.strip_suffix(".up.sql") {
                plan(project, &format!("{folder}/{step}"));
                if step.ends_with(through) {
                    return;
                }
            }
        }
        panic!("no {through} in {folder}");
    }
}

fn lines(project: &Project, file: &str) -> Vec<String> {
    let text = fs::read_to_string(project.folder().join(file)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn note(project: &Project, file: &str, names: &[String]) {
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    project.write(file, &lines);
}

/// Puts a pair of files behind those that are to run, unless it is among them.
fn plan(project: &Project, name: &str) {
    let mut order = lines(project, ORDER);
    if !order.iter().any(|there| there == name) {
        order.push(name.to_owned());
        note(project, ORDER, &order);
    }
}

fn undo_last(project: &Project) -> Said {
    let mut done = lines(project, HISTORY);
    let file = format!("{}.down.sql", done.pop().unwrap());
    // A step that changes nothing has none.
    let said = if project.folder().join(&file).is_file() {
        psql(project, &file)
    } else {
        NOTHING
    };
    if said.code == 0 {
        note(project, HISTORY, &done);
    }
    said
}

/// Runs a file.
pub fn psql(project: &Project, file: &str) -> Said {
    let program = project.database.program("psql");
    let mut command = project.command(program.get_program());
    command.args(["-X", "-v", "ON_ERROR_STOP=1", "-d", project.url(), "-f", file]);
    run(&mut command)
}

fn in_transaction(sql: &str) -> String {
    format!("BEGIN;\n{sql}COMMIT;\n")
}

fn write_pair(project: &Project, name: &str, up: &str, down: &str) {
    project.write(&format!("migrations/{name}.up.sql"), up);
    project.write(&format!("migrations/{name}.down.sql"), down);
    plan(project, &format!("migrations/{name}"));
}

#[test]
fn psql_runs_its_own_migrations() {
    prove(&Psql, |project| {
        let [make, unmake] = [MAKE, UNMAKE].map(in_transaction);
        write_pair(project, "0002_make", &make, &unmake);
        write_pair(project, "0003_fill", FILL, EMPTY);
    });
}
