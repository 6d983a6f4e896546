//! Names of tables that no file, class or module could have.

use std::collections::BTreeSet;

use super::{PROJECTS, Project, marks_of};
use crate::support::Database;

/// As SQL writes them. Those beside each other differ in what slugs and class names leave out.
const HOSTILE: [&str; 12] = [
    "public.\"we\"\"ird; drop\"",
    "public.\"we'ird; drop\"",
    "public.\"日本語テーブル\"",
    "public.\"MixedCase\"",
    "public.mixedcase",
    "public.mixed_case",
    "public.audit_events",
    "audit.events",
    "public.events_1",
    "public.events1",
    "public.\"see +goose see, ''' \"\"\"\"\"\" */ `${x}` and atlas:txmode none and\"",
    "public.\"\u{2028}PGCLEAVE_SQL\u{2029}--! x\"",
];

/// One of 63 bytes, which is the longest.
fn longest() -> String {
    format!("public.\"{}\"", "x".repeat(63))
}

fn database() -> Database {
    let database = Database::new();
    database.run_sql("CREATE SCHEMA audit");
    for table in HOSTILE.into_iter().map(str::to_owned).chain([longest()]) {
        database.run_sql(&format!(
            "CREATE TABLE {table} (id bigint PRIMARY KEY, at timestamptz NOT NULL)"
        ));
    }
    database
}

#[test]
fn every_runner_has_valid_file_names_for_any_table() {
    let database = database();
    let tables = [HOSTILE[0], HOSTILE[2], HOSTILE[3], &longest()];
    for marks in &PROJECTS {
        let project = Project::at(database.url(), marks.files);
        let before = project.all_files();
        for table in tables {
            generate_first(&project, table, marks.runner);
        }
        let mut written = project.files_in(marks.directory);
        written.retain(|file, _| !before.contains_key(file));
        assert!(written.len() >= tables.len(), "{}", marks.runner);
        for file in written.keys().filter(|file| !file.ends_with("atlas.sum")) {
            let name = &file[marks.directory.len() + 1..];
            assert!(is_valid(marks.runner, name), "{}: {file}", marks.runner);
        }
    }
}

#[test]
fn no_two_tables_share_their_migrations_names() {
    let database = database();
    let project = Project::at(database.url(), marks_of("sqitch").files);
    let mut names = BTreeSet::new();
    for table in HOSTILE.into_iter().map(str::to_owned).chain([longest()]) {
        generate_first(&project, &table, "sqitch");
    }
    for name in project.files_in("deploy").keys() {
        // Some file systems don't tell capitals apart.
        assert!(names.insert(name.to_lowercase()), "{name}");
    }
    assert_eq!(names.len(), HOSTILE.len() + 1, "{names:?}");
}

fn generate_first(project: &Project, table: &str, runner: &str) {
    let flags = ["-q", "--runner", runner, "--through", "create_partitioned_copy"];
    project.generate(table, &flags);
}

/// As the runner parses a file's path below its folder: digits, what comes between, letters, and the end.
fn is_valid(runner: &str, file: &str) -> bool {
    let (digits, between, ends): (&str, &str, &[&str]) = match runner {
        "alembic" => return revision(file).is_some_and(|rest| is_word(rest, ".py")),
        "sqitch" => return is_word(file, ".sql"),
        "django" => ("", "_", &[".py"]),
        "rails" => ("", "_", &[".rb"]),
        "ecto" => ("", "_", &[".exs"]),
        "flyway" => ("V", "__", &[".sql", ".sql.conf"]),
        "refinery" => ("V", "__", &[".sql"]),
        "prisma" => ("", "_", &["/migration.sql"]),
        "diesel" => ("", "_", &["/up.sql", "/down.sql", "/metadata.toml"]),
        "sqlx" | "golang-migrate" => ("", "_", &[".up.sql", ".down.sql"]),
        "knex" => ("", "_", &[".js"]),
        "node-pg-migrate" => return parted("", "_", file).is_some_and(|rest| is_dashed(rest, ".cjs")),
        "graphile-migrate" => return parted("", "-", file).is_some_and(|rest| is_dashed(rest, ".sql")),
        _ => ("", "_", &[".sql"]),
    };
    parted(digits, between, file).is_some_and(|rest| ends.iter().any(|end| is_word(rest, end)))
}

fn revision(file: &str) -> Option<&str> {
    let (revision, rest) = file.split_once('_')?;
    (revision.len() == 12 && revision.chars().all(|c| c.is_ascii_hexdigit())).then_some(rest)
}

/// What stands behind `prefix`, a number (with dashes where it is a date) and `between`.
fn parted<'a>(prefix: &str, between: &str, file: &'a str) -> Option<&'a str> {
    let rest = file
        .strip_prefix(prefix)?
        .trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = match between {
        "_" => rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-'),
        _ => rest,
    };
    rest.strip_prefix(between)
        .filter(|_| file.contains(|c: char| c.is_ascii_digit()))
}

fn is_word(text: &str, end: &str) -> bool {
    let word = text.strip_suffix(end).unwrap_or_default();
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_dashed(text: &str, end: &str) -> bool {
    is_word(&text.replace('-', "_"), end)
}

#[test]
fn a_header_holds_nothing_that_a_runner_listens_to() {
    let database = database();
    for (runner, table, words) in [
        ("knex", HOSTILE[11], ["\u{2028}", "\u{2029}"]),
        ("goose", HOSTILE[10], ["+goose see", "see +goose"]),
        (
            "atlas",
            HOSTILE[10],
            ["atlas:txmode none and", "and atlas:txmode"],
        ),
    ] {
        let marks = marks_of(runner);
        let project = Project::at(database.url(), marks.files);
        project.generate(table, &["-q", "--runner", runner]);
        let files = project.files_in(marks.directory);
        let ours: Vec<&String> = files
            .values()
            .filter(|text| text.contains(" Table: public."))
            .collect();
        assert_eq!(ours.len(), 9, "{runner}");
        for line in ours
            .iter()
            .flat_map(|text| text.lines())
            .filter(|line| line.starts_with(['-', '/']))
        {
            assert!(!words.iter().any(|words| line.contains(words)), "{line:?}");
        }
    }
}
