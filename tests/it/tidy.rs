//! The borders of the house, read off the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files)
        } else {
            files.push(path)
        }
    }
}

fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.retain(|path| path.extension().is_some_and(|e| e == extension));
    paths.sort();
    assert!(!paths.is_empty(), "no {extension} below {folder}");
    let named = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    paths.into_iter().map(named).collect()
}

/// The code without its tests and comments.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn offenders(files: &[(String, String)], words: &[&str]) -> Vec<String> {
    let found = files.iter().flat_map(|(name, text)| {
        let code = code(text);
        words
            .iter()
            .filter(move |word| code.contains(**word))
            .map(move |word| format!("{name}: {word}"))
            .collect::<Vec<_>>()
    });
    found.collect()
}

fn sources(matching: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    files("src", "rs")
        .into_iter()
        .filter(|(name, _)| matching(name))
        .collect()
}

#[test]
fn pure_modules_know_no_connection_file_environment_or_clock() {
    let pure = [
        "src/sql.rs",
        "src/model/",
        "src/plan/",
        "src/render/",
        "src/runner/",
    ];
    let files = sources(|name| pure.iter().any(|p| name.starts_with(p)));
    assert!(files.len() > 8);
    let words = [
        "postgres::",
        "std::fs",
        "fs::",
        "std::env",
        "env::var",
        "Utc::now",
        "Local::now",
        "SystemTime",
        "Instant",
    ];
    assert_eq!(offenders(&files, &words), Vec::<String>::new());
}

#[test]
fn apply_runs_files_and_knows_neither_plan_nor_render() {
    let files = sources(|name| name.starts_with("src/apply/"));
    assert_eq!(
        offenders(&files, &["crate::plan", "crate::render", "crate::runner"]),
        Vec::<String>::new()
    );
}

#[test]
fn only_the_command_line_prints_and_knows_its_libraries() {
    let files = sources(|name| !name.starts_with("src/cli/") && name != "src/main.rs");
    let printing = [
        "println!",
        "eprintln!",
        "print!(",
        "dbg!(",
        "stdout()",
        "stderr()",
    ];
    assert_eq!(offenders(&files, &printing), Vec::<String>::new());
    let libraries = ["dialoguer", "similar::", "indicatif", "use clap::"];
    assert_eq!(offenders(&files, &libraries), Vec::<String>::new());
}

#[test]
fn only_sql_rs_quotes() {
    let files = sources(|name| {
        name != "src/sql.rs" && !name.starts_with("src/demo/") && !name.starts_with("src/server/")
    });
    assert_eq!(
        offenders(
            &files,
            &[
                "replace('\\'', \"''\")",
                "replace('\"', \"\\\"\\\"\")",
                "filters::Safe"
            ]
        ),
        Vec::<String>::new()
    );
    for (name, text) in self::files("templates", "sql") {
        assert!(!text.contains("|safe") && !text.contains("| safe"), "{name}");
    }
}

#[test]
fn no_wildcard_arm_in_a_match_on_a_step() {
    for (name, text) in sources(|name| {
        name.starts_with("src/plan/step") || name.starts_with("src/render") || name.starts_with("src/runner")
    }) {
        let arms = code(&text)
            .lines()
            .filter(|line| line.trim_start().starts_with("_ =>"))
            .count();
        assert_eq!(arms, 0, "{name}");
    }
}

#[test]
fn every_step_has_its_templates_or_says_why_not() {
    for step in pgcleave::plan::Step::ALL {
        let path = |part: &str| {
            root()
                .join("templates/conversion")
                .join(format!("{}.{part}.sql", step.stem()))
        };
        let up = fs::read_to_string(path("up")).unwrap();
        for part in ["down", "verify"] {
            assert!(
                path(part).exists() || up.contains(&format!("No {part} file: ")),
                "{} {part}",
                step.stem()
            );
        }
    }
}

#[test]
fn no_module_is_called_after_nothing() {
    for (name, text) in files("src", "rs") {
        let stem = Path::new(&name).file_stem().unwrap().to_str().unwrap().to_owned();
        let folder = Path::new(&name)
            .parent()
            .unwrap()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        for bad in ["utils", "helpers", "common", "misc", "types", "error"] {
            assert!(stem != bad && folder != bad, "{name}");
        }
        let long = text.lines().count() > 400;
        let says_why = text.lines().take(8).any(|line| line.contains("one thing"));
        assert!(
            !long || says_why,
            "{name} is over 400 lines and doesn't say why it is one thing"
        );
    }
}

#[test]
fn nothing_is_left_unfinished() {
    assert_eq!(
        offenders(
            &sources(|name| !name.ends_with("/tests.rs")),
            &["todo!(", "unimplemented!(", "TODO", "FIXME", ".unwrap()"]
        ),
        Vec::<String>::new()
    );
}

#[test]
fn the_document_names_every_fixture_and_no_other() {
    let document = fs::read_to_string(root().join("docs/FIDELITY.md")).unwrap();
    let is_name = |word: &&str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    // The last cell of each row of a table.
    let rows = document
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("| fixture |"));
    let cells = rows.filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next());
    let named: BTreeSet<&str> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(is_name)
        .collect();
    let folders = |folder: &str| {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect::<Vec<String>>()
    };
    let all = [folders("tests/fixtures"), folders("tests/fixtures/refused")].concat();
    let there: BTreeSet<&str> = all
        .iter()
        .map(String::as_str)
        .filter(|name| *name != "refused")
        .collect();
    let missing: Vec<_> = there.difference(&named).collect();
    let unknown: Vec<_> = named.difference(&there).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "not named: {missing:?}; not there: {unknown:?}"
    );
}
