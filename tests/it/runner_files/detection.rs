//! Which runner a folder uses, and what is refused before a file is written.

use super::{PROJECTS, Project, marks_of};
use crate::support::Said;

/// Refused with this exit code and these words, and without a file written.
fn is_refused(project: &Project, flags: &[&str], code: i32, words: &[&str]) -> Said {
    let before = project.all_files();
    let said = project.try_generate("events", flags);
    assert_eq!(said.code, code, "{}\n{}", said.stdout, said.stderr);
    for word in words {
        assert!(
            said.stderr.contains(word),
            "doesn't say {word:?}: {}",
            said.stderr
        );
    }
    assert_eq!(project.all_files(), before);
    said
}

#[test]
fn every_runner_is_found_by_its_marks() {
    for marks in &PROJECTS {
        let project = Project::of(marks.files);
        let before = project.all_files();
        let said = project.generate("events", &["--runner", "auto"]);
        let words = format!("{} writes to ", marks.runner);
        assert!(said.stderr.contains(&words), "{}: {}", marks.runner, said.stderr);
        let placement = project.placement("public.events");
        assert_eq!(placement["runner"], marks.runner);
        for file in placement["files"].as_array().unwrap() {
            let file = file.as_str().unwrap();
            assert!(
                project.all_files().contains_key(file),
                "{}: no {file}",
                marks.runner
            );
            assert!(!before.contains_key(file), "{}: {file} was there", marks.runner);
        }
        let steps = placement["steps"].as_array().unwrap().len();
        let there = before
            .keys()
            .filter(|path| path.starts_with(marks.directory))
            .count();
        let written = project.files_in(marks.directory).len() - there;
        assert!(
            written >= steps && steps >= 3,
            "{}: {written} of {steps}",
            marks.runner
        );
    }
}

#[test]
fn whoever_names_no_runner_gets_plain_files_and_a_hint() {
    for marks in &PROJECTS {
        let project = Project::of(marks.files);
        let before = project.files_in(marks.directory);
        let said = project.generate("events", &[]);
        let words = format!("--runner {} writes its migrations", marks.runner);
        assert!(said.stderr.contains(&words), "{}: {}", marks.runner, said.stderr);
        assert_eq!(project.files_in(marks.directory), before);
    }
}

#[test]
fn marks_of_two_runners_are_both_named() {
    let both = [marks_of("goose").files, marks_of("rails").files].concat();
    let project = Project::of(&both);
    let words = [
        "several runners",
        "rails (config/application.rb)",
        "goose (migrations/00001_own.sql)",
        "--runner",
    ];
    is_refused(&project, &["--runner", "auto"], 2, &words);
    project.generate("events", &["--runner", "goose"]);
    assert_eq!(project.placement("public.events")["directory"], "migrations");
}

#[test]
fn a_folder_without_marks_is_refused() {
    let words = ["no migration runner has left its marks", "--runner"];
    is_refused(&Project::of(&[]), &["--runner", "auto"], 2, &words);
}

#[test]
fn several_heads_of_alembic_are_to_be_merged_first() {
    let project = Project::with("alembic");
    project.write(
        "db/versions/b1_left.py",
        "revision: str = 'b1'\ndown_revision = 'a1'\n",
    );
    project.write(
        "db/versions/b2_right.py",
        "revision: str = 'b2'\ndown_revision = 'a1'\n",
    );
    let words = ["several heads: b1, b2", "alembic merge heads"];
    is_refused(&project, &["--runner", "auto"], 4, &words);
    project.write(
        "db/versions/c1_merge.py",
        "revision = 'c1'\ndown_revision = (\n    'b1',\n    'b2',\n)\n",
    );
    project.generate("events", &["--runner", "auto"]);
    assert_eq!(project.places("public.events", "after")[0], "c1");
}

#[test]
fn two_leaves_of_a_django_app_are_to_be_merged_first() {
    let project = Project::with("django");
    for name in ["0002_left", "0002_right"] {
        let text = "class Migration:\n    dependencies = [('shop', '0001_initial')]\n";
        project.write(&format!("shop/migrations/{name}.py"), text);
    }
    let words = ["0002_left, 0002_right", "makemigrations --merge"];
    is_refused(&project, &["--runner", "auto"], 4, &words);
    let merge = "class Migration:\n    dependencies = [\n        ('shop', '0002_left'),\n        ('shop', '0002_right'),\n    ]\n";
    project.write("shop/migrations/0003_merge.py", merge);
    project.generate("events", &["--runner", "auto"]);
    assert_eq!(project.places("public.events", "after")[0], "0003_merge");
}

#[test]
fn a_squashed_django_migration_stands_for_those_that_it_replaces() {
    let project = Project::with("django");
    let after = |name: &str| format!("class Migration:\n    dependencies = [('shop', '{name}')]\n");
    project.write("shop/migrations/0002_two.py", &after("0001_initial"));
    project.write("shop/migrations/0003_three.py", &after("0002_two"));
    let squashed = "class Migration:\n    replaces = [('shop', '0001_initial'), ('shop', '0002_two')]\n    dependencies = []\n";
    project.write("shop/migrations/0001_squashed_0002_two.py", squashed);
    project.generate("events", &["--runner", "auto"]);
    assert_eq!(project.places("public.events", "after")[0], "0003_three");
    assert!(project.places("public.events", "version")[0].starts_with("0004_"));
}

#[test]
fn several_django_apps_want_to_be_told_which() {
    let project = Project::with("django");
    project.write("blog/migrations/__init__.py", "");
    let words = ["--directory", "blog/migrations", "shop/migrations"];
    is_refused(&project, &["--runner", "auto"], 4, &words);
    project.generate("events", &["--runner", "auto", "--directory", "shop/migrations"]);
    assert_eq!(project.placement("public.events")["style"]["app"], "shop");
}

#[test]
fn what_a_folder_is_told_once_is_not_looked_for_again() {
    let project = Project::with("dbmate");
    project.generate("events", &["--runner", "dbmate", "--directory", "elsewhere"]);
    let files = project.all_files();
    project.generate("events", &["--runner", "auto"]);
    assert_eq!(project.all_files(), files);
}

#[test]
fn lines_that_a_runner_takes_for_its_own_are_refused() {
    let cases = [
        ("dbmate", "--  migrate:down"),
        ("dbmate", "--migrate:up"),
        ("goose", "  -- see +goose docs"),
        ("liquibase", "-- ChangeSet a:b"),
        ("liquibase", "--RollBack x"),
        ("graphile-migrate", "--! Message: x"),
        ("rails", "  PGCLEAVE_SQL"),
    ];
    let database = crate::support::Database::new();
    database.run_sql("CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL)");
    for (runner, line) in cases {
        database.run_sql(&format!("COMMENT ON TABLE events IS E'first\\n{line}\\nlast'"));
        let project = Project::at(database.url(), marks_of(runner).files);
        is_refused(
            &project,
            &["--runner", runner],
            4,
            &["would misread", line.trim(), "--runner plain"],
        );
    }
}
