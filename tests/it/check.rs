//! `pgcleave check`: what it finds, in each format, and what it leaves alone.

mod live;
mod offline;
mod versions;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::fixtures::Fixture;
use crate::support::Said;

/// One of the migrations, by the end of its name.
fn file(fixture: &Fixture, suffix: &str) -> PathBuf {
    fixture.pgcleave.files(suffix).remove(0)
}

/// Replaces words in a file that has them.
fn edit(path: &PathBuf, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{}: {from}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// Runs `check` with these flags and expects this exit code.
fn check(fixture: &Fixture, flags: &[&str], code: i32) -> Said {
    let said = fixture.pgcleave.run(&[&["check"][..], flags].concat());
    assert_eq!(said.code, code, "{flags:?}\n{}\n{}", said.stdout, said.stderr);
    said
}

fn check_json(fixture: &Fixture, flags: &[&str], code: i32) -> Value {
    let said = check(fixture, &[flags, &["--format", "json"]].concat(), code);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout))
}
