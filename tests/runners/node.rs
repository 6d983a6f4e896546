//! Runners that are npm's packages.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::driver::{Project, installed};

/// Gives a project a `package.json` that asks for a runner, and what npm would install for it.
pub fn install(project: &Project, runner: &str) {
    let package = format!("{{ \"private\": true, \"dependencies\": {{ \"{runner}\": \"*\" }} }}\n");
    project.write("package.json", &package);
    let modules = installed(&format!("{runner}/node_modules"));
    symlink(modules, project.folder().join("node_modules")).unwrap();
}

/// One of the installed programs, as `npx` would start it.
pub fn program(project: &Project, name: &str) -> Command {
    let mut command = node(project);
    command.arg(format!("node_modules/.bin/{name}"));
    command
}

pub fn node(project: &Project) -> Command {
    project.command(installed("node/node_modules/.bin/node"))
}
