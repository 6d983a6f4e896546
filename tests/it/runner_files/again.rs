//! `generate` a second time: what is kept, what moves, what goes, and what is refused.

use std::collections::BTreeMap;

use super::{PROJECTS, Project, marks_of};
use crate::support::Database;

const EXTENDED: [&str; 2] = ["--unique", "users_email_key=extend"];
const GUARDED: [&str; 2] = ["--unique", "users_email_key=guard"];

/// What stands in the folder beside pgcleave's own settings and records.
fn of_the_project(project: &Project) -> BTreeMap<String, String> {
    let mut files = project.all_files();
    files.retain(|path, _| !path.starts_with("migrations_out/") && path != "pgcleave.toml");
    files
}

#[test]
fn every_place_is_kept() {
    for marks in &PROJECTS {
        let project = Project::of(marks.files);
        project.generate("events", &["--runner", marks.runner]);
        let files = project.all_files();
        let said = project.generate("events", &["--runner", marks.runner]);
        assert_eq!(project.all_files(), files, "{}", marks.runner);
        assert!(
            said.stderr.contains("nothing has changed"),
            "{}: {}",
            marks.runner,
            said.stderr
        );
    }
}

#[test]
fn a_longer_set_keeps_the_places_of_the_shorter_one() {
    for marks in &PROJECTS {
        let project = Project::of(marks.files);
        project.generate(
            "events",
            &["--runner", marks.runner, "--through", "install_sync_trigger"],
        );
        let files = project.files_in(marks.directory);
        let versions = project.places("public.events", "version");
        project.generate("events", &["--through", "create_batch_copy_procedure"]);
        let longer = project.files_in(marks.directory);
        for (path, text) in &files {
            if !path.contains("changelog-master") && !path.ends_with("atlas.sum") {
                assert_eq!(longer.get(path), Some(text), "{}: {path}", marks.runner);
            }
        }
        assert_eq!(
            project.places("public.events", "version")[..2],
            versions,
            "{}",
            marks.runner
        );
    }
}

/// The table's own files of migrations, one for each step that is looked at.
fn files_of(project: &Project, directory: &str, stem: &str) -> Vec<String> {
    let stems = [stem.to_owned(), stem.replace('_', "-")];
    let files = project.files_in(directory).into_keys();
    files
        .filter(|path| stems.iter().any(|stem| path.contains(stem.as_str())))
        .collect()
}

/// A guard is created after the copy is in step; what comes behind it gets new places, as if it had been asked for at once.
#[test]
fn a_step_that_comes_between_moves_what_comes_behind_it() {
    for marks in PROJECTS.iter().filter(|marks| marks.runner != "refinery") {
        let project = Project::of(marks.files);
        let generate = |project: &Project, unique: [&str; 2]| {
            project.generate("users", &[&["--runner", marks.runner], &unique[..]].concat());
        };
        generate(&project, EXTENDED);
        let before = project.places("public.users", "version");
        generate(&project, GUARDED);
        let after = project.places("public.users", "version");
        let steps = project.places("public.users", "step");
        let moved = steps.iter().position(|step| step == "create_guards").unwrap();
        assert_eq!(after[..moved], before[..moved], "{}", marks.runner);
        assert_eq!(after.len(), before.len() + 1, "{}", marks.runner);
        for step in &steps {
            let per_step = files_of(&project, marks.directory, &format!("users_{step}"));
            let versions: std::collections::BTreeSet<&str> = per_step
                .iter()
                .map(|path| path.split(&format!("users_{}", &step[..4])).next().unwrap())
                .collect();
            assert_eq!(versions.len(), 1, "{}: {per_step:?}", marks.runner);
        }
        is_in_order(&project, marks.runner);
        // The same as when the guard had been asked for at once, but for the time.
        let at_once = Project::of(marks.files);
        generate(&at_once, GUARDED);
        let counts = ["goose", "golang-migrate", "django", "flyway", "graphile-migrate"];
        if counts.contains(&marks.runner) {
            assert_eq!(
                of_the_project(&project),
                of_the_project(&at_once),
                "{}",
                marks.runner
            );
        }
    }
}

/// Versions rise, and whoever names a predecessor names the one before.
fn is_in_order(project: &Project, runner: &str) {
    let versions = project.places("public.users", "version");
    let names = project.places("public.users", "name");
    let after = project.places("public.users", "after");
    match runner {
        "alembic" => assert_eq!(after[1..], versions[..versions.len() - 1]),
        "django" | "sqitch" => assert_eq!(after[1..], names[..names.len() - 1], "{runner}"),
        "graphile-migrate" => is_chained(project),
        _ => {
            let number = |version: &String| (version.len(), version.clone());
            assert!(versions.is_sorted_by_key(number), "{runner}: {versions:?}");
        }
    }
    let registered = [
        ("sqitch", "sqitch.plan"),
        ("liquibase", "db/changelog/db.changelog-master.xml"),
        ("atlas", "migrations/atlas.sum"),
    ];
    if let Some((_, path)) = registered.iter().find(|(name, _)| *name == runner) {
        let text = project.read(path);
        let ours: Vec<&str> = text.lines().filter(|line| line.contains("users_")).collect();
        assert_eq!(ours.len(), names.len(), "{text}");
        for (line, name) in ours.iter().zip(&names) {
            assert!(line.contains(name.as_str()), "{text}");
        }
    }
}

/// Each committed file names the hash of the one before it.
fn is_chained(project: &Project) {
    let mut before = "-".to_owned();
    for (path, text) in project.files_in("migrations/committed") {
        let line = |n: usize| {
            text.lines()
                .nth(n)
                .unwrap()
                .split_once(": ")
                .unwrap()
                .1
                .to_owned()
        };
        assert_eq!(line(0), before, "{path}");
        before = line(1);
    }
}

#[test]
fn a_shorter_set_takes_the_rest_away() {
    for marks in &PROJECTS {
        let project = Project::of(marks.files);
        let through = |step: &str| {
            project.generate("events", &["--runner", marks.runner, "--through", step]);
        };
        through("create_partitioned_copy");
        let files = of_the_project(&project);
        through("create_batch_copy_procedure");
        assert_ne!(of_the_project(&project), files);
        through("create_partitioned_copy");
        assert_eq!(of_the_project(&project), files, "{}", marks.runner);
    }
}

#[test]
fn another_runner_takes_the_first_ones_files_away() {
    for marks in PROJECTS.iter().filter(|marks| marks.runner != "dbmate") {
        let project = Project::of(marks.files);
        // Recorded by Atlas itself, it would be there.
        if marks.runner == "atlas" {
            project.generate(
                "events",
                &["--runner", "atlas", "--through", "create_partitioned_copy"],
            );
            project.generate("events", &["--runner", "plain"]);
        }
        let before = of_the_project(&project);
        project.generate("events", &["--runner", marks.runner]);
        project.generate("events", &["--runner", "dbmate"]);
        let mut after = of_the_project(&project);
        after.retain(|path, _| !path.starts_with("db/migrations/"));
        assert_eq!(after, before, "{}", marks.runner);
        assert_eq!(project.files_in("db/migrations").len(), 9);
        project.generate("events", &["--runner", "plain"]);
        assert_eq!(of_the_project(&project), before, "{}", marks.runner);
        assert!(
            !project
                .pgcleave
                .folder
                .path()
                .join("migrations_out/public.events/placement.json")
                .exists()
        );
        assert!(!project.read("pgcleave.toml").contains("directory"));
    }
}

#[test]
fn a_chain_that_others_went_on_with_is_not_broken() {
    let project = Project::with("sqitch");
    project.generate("events", &["--runner", "sqitch"]);
    project.generate("users", &[&["--runner", "sqitch"], &EXTENDED[..]].concat());
    let before = project.all_files();
    let said = project.try_generate("events", &["--through", "catch_up"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(
        said.stderr.contains("users_create_partitioned_copy"),
        "{}",
        said.stderr
    );
    assert_eq!(project.all_files(), before);

    for (runner, words) in [
        ("graphile-migrate", "000011-"),
        ("alembic", "heads"),
        ("django", "several"),
    ] {
        let project = Project::with(runner);
        project.generate("events", &["--runner", runner]);
        project.generate("users", &[&["--runner", runner], &EXTENDED[..]].concat());
        let before = project.all_files();
        let said = project.try_generate("events", &["--through", "catch_up"]);
        assert_eq!(said.code, 4, "{runner}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{runner}: {}", said.stderr);
        assert_eq!(project.all_files(), before, "{runner}");
    }
}

#[test]
fn a_hash_that_others_went_on_with_is_not_changed() {
    let project = Project::with("graphile-migrate");
    project.generate(
        "events",
        &[
            "--runner",
            "graphile-migrate",
            "--through",
            "install_sync_trigger",
        ],
    );
    let last = project.read("migrations/committed/000003-events-install-sync-trigger.sql");
    let hash = last.lines().nth(1).unwrap().strip_prefix("--! Hash: ").unwrap();
    let theirs = format!("--! Previous: {hash}\n--! Hash: sha1:1111\n\nSELECT 1;\n");
    project.write("migrations/committed/000004-theirs.sql", &theirs);
    let before = project.all_files();
    let said = project.try_generate("events", &["--premake", "3"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(
        said.stderr.contains("000004-theirs.sql doesn't follow"),
        "{}",
        said.stderr
    );
    assert_eq!(project.all_files(), before);
    project.generate("events", &["--through", "create_batch_copy_procedure"]);
    let next = project.read("migrations/committed/000005-events-create-batch-copy-procedure.sql");
    assert!(next.starts_with("--! Previous: sha1:1111\n"), "{next}");
    // Nothing of ours behind it: it may change.
    project.generate("events", &["--through", "catch_up"]);
    is_chained(&project);
}

#[test]
fn a_file_edited_by_hand_is_shown_and_kept() {
    for marks in &PROJECTS {
        let project = Project::of(marks.files);
        project.generate("events", &["--runner", marks.runner]);
        let placement = project.placement("public.events");
        let mut files = placement["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f.as_str().unwrap());
        let path = files
            .rfind(|f| f.starts_with(marks.directory))
            .unwrap()
            .to_owned();
        let written = project.read(&path);
        project.write(&path, &format!("{written}-- by hand\n"));
        let edited = project.all_files();
        let said = project.try_generate("events", &[]);
        assert_eq!(said.code, 2, "{}: {}", marks.runner, said.stderr);
        assert!(
            said.stderr.contains("+-- by hand") && said.stderr.contains("--yes"),
            "{}",
            said.stderr
        );
        assert_eq!(project.all_files(), edited, "{}", marks.runner);
        // Not when it would be taken away either.
        if marks.runner != "refinery" {
            let said = project.try_generate("events", &["--through", "create_partitioned_copy"]);
            assert_eq!((said.code, project.all_files()), (2, edited), "{}", marks.runner);
        }
        project.generate("events", &["--yes"]);
        assert_eq!(project.read(&path), written, "{}", marks.runner);
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    for marks in &PROJECTS {
        let project = Project::of(marks.files);
        let before = project.all_files();
        let said = project.generate("events", &["--runner", marks.runner, "--dry-run"]);
        assert_eq!(project.all_files(), before, "{}", marks.runner);
        assert!(said.stdout.contains("events_pgcleave_copy"), "{}", marks.runner);
        project.generate("events", &["--runner", marks.runner]);
        let written = project.all_files();
        project.generate("events", &["--through", "create_partitioned_copy", "--dry-run"]);
        assert_eq!(project.all_files(), written, "{}", marks.runner);
    }
}

/// Runs migrations as golang-migrate does, which sends each file as it is.
fn run(database: &Database, project: &Project, steps: &[&str]) {
    for step in steps {
        let files = files_of(project, "migrations", &format!("events_{step}.up"));
        let file = project.pgcleave.folder.path().join(&files[0]);
        let mut psql = database.program("psql");
        let output = psql
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"])
            .arg(file)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{step}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn begun() -> (Database, Project) {
    let database = Database::new();
    database.run_sql(super::SCHEMA);
    let project = Project::at(database.url(), marks_of("golang-migrate").files);
    project.generate("events", &["--runner", "auto"]);
    run(
        &database,
        &project,
        &["create_partitioned_copy", "install_sync_trigger"],
    );
    (database, project)
}

#[test]
fn what_has_run_is_neither_taken_away_nor_moved() {
    let (_database, project) = begun();
    let before = project.all_files();
    let refused = [
        (
            ["--through", "create_partitioned_copy"],
            "install_sync_trigger (000003) has run",
        ),
        (["--directory", "elsewhere"], "create_partitioned_copy"),
        (["--runner", "dbmate"], "under way"),
        (["--runner", "plain"], "under way"),
        (
            ["--premake", "3"],
            "has run, and what is asked for would change it",
        ),
    ];
    for (flags, words) in refused {
        let said = project.try_generate("events", &flags);
        assert_eq!(said.code, 4, "{flags:?}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{flags:?}: {}", said.stderr);
        assert_eq!(project.all_files(), before, "{flags:?}");
    }
    project.generate("events", &["--through", "install_sync_trigger"]);
    assert_eq!(project.places("public.events", "version"), ["000002", "000003"]);
    project.generate("events", &["--through", "verify_copy"]);
    assert_eq!(of_the_project(&project), {
        let mut files = before;
        files.retain(|path, _| !path.starts_with("migrations_out/") && path != "pgcleave.toml");
        files
    });
}

#[test]
fn what_has_run_is_not_written_again_even_if_edited() {
    let (_database, project) = begun();
    let path = "migrations/000002_events_create_partitioned_copy.down.sql";
    project.write(path, &(project.read(path) + "-- by hand\n"));
    let edited = project.read(path);
    let said = project.try_generate("events", &["--yes"]);
    assert_eq!((said.code, project.read(path)), (4, edited), "{}", said.stderr);
    assert!(said.stderr.contains("+-- by hand"), "{}", said.stderr);
}
