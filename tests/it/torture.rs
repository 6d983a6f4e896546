//! A few runs of the torture machine; `cargo run --release --example torture` has many more.

use std::path::PathBuf;
use std::process::Command;

/// Cargo builds examples for tests: `target/<profile>/deps/it-…` → `target/<profile>/examples/torture`.
pub fn example(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let profile = own.parent().and_then(|deps| deps.parent()).unwrap();
    let path = profile.join("examples").join(name);
    assert!(
        path.is_file(),
        "{} isn't built: run cargo build --example {name}, or the whole cargo test",
        path.display()
    );
    path
}

/// What the summary's row says.
fn figure<'a>(summary: &'a str, what: &str) -> &'a str {
    let row = summary.lines().find(|line| line.contains(&format!("│ {what} ")));
    let row = row.unwrap_or_else(|| panic!("no row {what} in\n{summary}"));
    row.split(['│', '┆']).nth(2).unwrap().trim()
}

#[test]
fn random_tables_survive_random_writers_and_faults() {
    let output = Command::new(example("torture"))
        .args([
            "--program",
            env!("CARGO_BIN_EXE_pgcleave"),
            "--runs",
            "3",
            "--seed",
            "7",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    for what in [
        "application errors",
        "lost",
        "stale",
        "ghost",
        "snapshot differences",
        "other failures",
    ] {
        assert_eq!(figure(&said, what), "0", "{what} in\n{said}");
    }
    assert_eq!(figure(&said, "runs"), "3");
}
