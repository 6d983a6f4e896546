//! squawk, which lints migrations, finds nothing in our files but what their headers give a reason for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pgcleave::migration::{FileName, MigrationFile};
use pgcleave::plan::Step;
use serde_json::Value;

use crate::fixtures::{Fixture, versions_of_case};
use crate::versions::{OLDEST, version};

/// squawk's rules that a step may break on purpose; all others hold.
const ALLOWED: [&str; 11] = [
    "adding-serial-primary-key-field",
    "ban-alter-identity",
    "ban-drop-function",
    "ban-drop-not-null",
    "ban-drop-table",
    "ban-drop-view",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "renaming-object",
    "renaming-table",
    "require-concurrent-index-creation",
];

/// A place in a file that a rule is against.
struct Finding {
    file: PathBuf,
    rule: String,
    said: String,
}

/// What squawk says of the files. They hold their BEGIN and COMMIT themselves.
fn lint(files: &[PathBuf]) -> Vec<Finding> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/linters/squawk");
    let mut command = Command::new(&program);
    command
        .args(["--no-assume-in-transaction", "--reporter", "json", "--pg-version"])
        .arg(format!("{OLDEST}.0"))
        .args(["--include", "require-table-schema"]) // a rule that must be asked for
        .args(files)
        .stdin(Stdio::null());
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}; hint: make test puts it there", program.display()));
    let said = String::from_utf8(output.stdout).unwrap();
    let Ok(Value::Array(findings)) = serde_json::from_str(&said) else {
        panic!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
    };
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let finding = |f: &Value| Finding {
        file: text(f, "file").into(),
        rule: text(f, "rule_name"),
        said: format!(
            "{}:{}: {}",
            text(f, "file"),
            f["line"].as_u64().unwrap_or_default() + 1,
            text(f, "message")
        ),
    };
    findings.iter().map(finding).collect()
}

fn read(path: &Path) -> MigrationFile {
    MigrationFile {
        name: FileName::parse(path.file_name().unwrap().to_str().unwrap()).unwrap(),
        text: std::fs::read_to_string(path).unwrap(),
    }
}

fn gives_a_reason(finding: &Finding) -> bool {
    let file = read(&finding.file);
    let named = file.header("Lint").filter_map(|line| line.split_once(": "));
    named
        .flat_map(|(rules, _why)| rules.split(", "))
        .any(|rule| rule == finding.rule)
}

/// Fails with what the headers of these files don't give a reason for.
pub fn assert_only_what_headers_say(files: &[PathBuf]) {
    assert!(!files.is_empty());
    let unexpected: Vec<String> = lint(files)
        .into_iter()
        .filter(|f| !ALLOWED.contains(&f.rule.as_str()) || !gives_a_reason(f))
        .map(|f| format!("{} ({})", f.said, f.rule))
        .collect();
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}

/// `round_trip.rs` does the same for every fixture.
#[test]
fn the_example_breaks_only_the_rules_that_its_headers_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations_out/public.events");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.to_str().unwrap().ends_with(".up.sql"));
    assert_only_what_headers_say(&files);
}

/// A reason for something that isn't done any more would be noise in everybody's files.
#[test]
fn each_rule_of_squawk_that_a_step_names_is_broken_by_it_somewhere() {
    let mut broken = BTreeSet::new();
    for case in [
        "identity_always",
        "identity_outside_key",
        "materialized_views",
        "not_null_constraints",
        "row_type_functions",
        "unique_with_partition_key",
    ] {
        let fixture = Fixture::load_on(version(*versions_of_case(case).end()), case);
        fixture.generate();
        let findings = lint(&fixture.pgcleave.files(".up.sql"));
        broken.extend(findings.into_iter().map(|f| (read(&f.file).name.stem, f.rule)));
    }
    let named = Step::ALL.into_iter().flat_map(|step| {
        let rules = step.broken_rules().iter().flat_map(|broken| broken.rules);
        rules.map(move |rule| (step.stem().to_owned(), (*rule).to_owned()))
    });
    let of_squawk: BTreeSet<_> = named.filter(|(_, rule)| !rule.starts_with("eugene ")).collect();
    assert_eq!(of_squawk, broken);
}

#[test]
fn finds_what_must_not_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0001_build_indexes.up.sql");
    let reason =
        "-- 0001_build_indexes.up.sql: x\n-- Lint: ban-drop-view, require-concurrent-index-creation: x\n";
    let limits = "BEGIN;\nSET LOCAL lock_timeout = '1s';\nSET LOCAL statement_timeout = '1s';\n";
    let index = "CREATE INDEX i ON public.t (a);\n";
    let fails = |text: &str| {
        std::fs::write(&path, text).unwrap();
        std::panic::catch_unwind(|| assert_only_what_headers_say(std::slice::from_ref(&path))).is_err()
    };
    assert!(!fails(&format!("{reason}{limits}{index}COMMIT;\n")));
    assert!(fails(&format!("{limits}{index}COMMIT;\n")), "no reason");
    assert!(fails(&format!("{reason}{index}")), "no limits");
    let dropping = format!(
        "{reason}-- Lint: ban-drop-column: x\n{limits}ALTER TABLE public.t DROP COLUMN a;\nCOMMIT;\n"
    );
    assert!(fails(&dropping), "a reason that isn't allowed");
    assert!(
        fails(&format!("{reason}{limits}CREATE TABLE t (a bigint);\nCOMMIT;\n")),
        "no schema"
    );
    assert!(fails(&format!("{reason}{limits}SELEC 1;\nCOMMIT;\n")), "no SQL");
}
