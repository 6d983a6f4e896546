//! Numbers, time stamps and styles go on as the project has them.

use super::{Project, marks_of};

/// The versions that a project's next migrations get, first and last.
fn versions(runner: &str, files: &[(&str, &str)]) -> (String, String) {
    let project = Project::of(files);
    let directory = marks_of(runner).directory;
    project.generate("events", &["--runner", runner, "--directory", directory]);
    let versions = project.places("public.events", "version");
    (versions[0].clone(), versions.last().unwrap().clone())
}

#[track_caller]
fn counts(runner: &str, there: &[(&str, &str)], first: &str, last: &str) {
    assert_eq!(
        versions(runner, there),
        (first.to_owned(), last.to_owned()),
        "{runner}"
    );
}

#[test]
fn counted_folders_go_on_counting_with_their_zeros() {
    let up = "-- migrate:up\n";
    counts(
        "dbmate",
        &[("db/migrations/001_a.sql", up), ("db/migrations/007_b.sql", up)],
        "008",
        "016",
    );
    let goose = "-- +goose Up\n";
    counts(
        "goose",
        &[("migrations/00011_a.sql", goose), ("migrations/00012_b.go", "")],
        "00013",
        "00021",
    );
    counts(
        "golang-migrate",
        &[("migrations/000009_a.up.sql", "")],
        "000010",
        "000018",
    );
    counts(
        "flyway",
        &[("sql/V1__a.sql", ""), ("sql/V2__b.sql", "")],
        "3",
        "11",
    );
    counts(
        "refinery",
        &[("migrations/V3__a.sql", ""), ("migrations/more/V4__b.rs", "")],
        "5",
        "7",
    );
    counts(
        "graphile-migrate",
        marks_of("graphile-migrate").files,
        "000002",
        "000010",
    );
    counts(
        "django",
        marks_of("django").files,
        "0002_events_create_partitioned_copy",
        "0010_events_verify_copy",
    );
    counts("atlas", &[("migrations/0007_a.sql", "")], "0008", "0016");
}

#[test]
fn dotted_flyway_versions_go_on_in_their_last_part() {
    let dotted = [
        ("sql/V5.9__a.sql", ""),
        ("sql/V5.10__b.sql", ""),
        ("sql/R__view.sql", ""),
    ];
    counts("flyway", &dotted, "5.11", "5.19");
    counts(
        "flyway",
        &[("sql/V2024.01.02.1__a.sql", "")],
        "2024.01.02.2",
        "2024.01.02.10",
    );
    counts("flyway", &[("sql/V1_007__a.sql", "")], "1_008", "1_016");
    counts(
        "flyway",
        &[
            ("sql/V1__a.sql", ""),
            ("sql/B8__baseline.sql", ""),
            ("sql/deeper/V9__b.sql", ""),
        ],
        "10",
        "18",
    );
}

#[test]
fn repeatable_flyway_migrations_alone_do_not_hide_the_others() {
    let folder = "src/main/resources/db/migration";
    let project = Project::of(&[
        (&format!("{folder}/R__view.sql"), ""),
        (&format!("{folder}/V3__a.sql"), ""),
    ]);
    project.generate("events", &["--runner", "auto"]);
    assert_eq!(project.placement("public.events")["runner"], "flyway");
    assert_eq!(project.places("public.events", "version")[0], "4");
}

#[test]
fn time_stamps_come_after_every_other_one_and_two_seconds_apart() {
    let ahead = "29990101000000";
    let cases = [
        ("sqlx", format!("migrations/{ahead}_a.up.sql")),
        ("dbmate", format!("db/migrations/{ahead}_a.sql")),
        ("goose", format!("migrations/{ahead}_a.sql")),
        ("golang-migrate", format!("migrations/{ahead}_a.up.sql")),
        ("rails", format!("db/migrate/{ahead}_a.rb")),
        ("ecto", format!("priv/repo/migrations/{ahead}_a.exs")),
        ("knex", format!("migrations/{ahead}_a.js")),
        ("atlas", format!("migrations/{ahead}_a.sql")),
        ("prisma", format!("prisma/migrations/{ahead}_a/migration.sql")),
        ("diesel", "migrations/2999-01-01-000000-0000_a/up.sql".to_owned()),
        ("flyway", format!("sql/V{ahead}__a.sql")),
        ("liquibase", format!("db/changelog/{ahead}_a.sql")),
    ];
    for (runner, file) in cases {
        let marks = marks_of(runner).files;
        let files = [marks, &[(file.as_str(), "")]].concat();
        let project = Project::of(&files);
        project.generate(
            "events",
            &["--runner", runner, "--directory", marks_of(runner).directory],
        );
        let versions = project.places("public.events", "version");
        let expected: Vec<String> = (1..=9).map(|n| format!("299901010000{:02}", 2 * n)).collect();
        assert_eq!(versions, expected, "{runner}");
    }
}

#[test]
fn node_pg_migrate_goes_on_with_milliseconds_or_with_seventeen_digits() {
    let (first, last) = versions("node-pg-migrate", &[("migrations/9999999999990_a.js", "")]);
    assert_eq!(
        (first.as_str(), last.as_str()),
        ("9999999999991", "9999999999999")
    );
    let (first, _) = versions("node-pg-migrate", &[("migrations/29990101000000123_a.js", "")]);
    assert_eq!(first, "29990101000002000");
    counts(
        "node-pg-migrate",
        &[("migrations/0007_a.sql", "")],
        "0008",
        "0016",
    );
}

#[test]
fn knex_files_are_like_the_newest() {
    let module = "import type { Knex } from \"knex\";\nexport async function up(knex: Knex) {}\n";
    let cases = [
        (
            "ts",
            module,
            "export async function up(knex: Knex): Promise<void> {",
        ),
        (
            "mjs",
            "export async function up(knex) {}\n",
            "export async function up(knex) {",
        ),
        (
            "js",
            "export async function up(knex) {}\n",
            "export async function up(knex) {",
        ),
        (
            "cjs",
            "exports.up = () => {};\n",
            "exports.up = async function (knex) {",
        ),
        (
            "js",
            "exports.up = () => {};\n",
            "exports.up = async function (knex) {",
        ),
    ];
    for (extension, text, line) in cases {
        let name = format!("migrations/20250101000000_a.{extension}");
        let project = Project::of(&[("knexfile.js", "module.exports = {};\n"), (&name, text)]);
        project.generate("events", &["--runner", "knex"]);
        let files = project.files_in("migrations");
        let ours: Vec<&String> = files.keys().filter(|file| file.contains("_events_")).collect();
        assert_eq!(ours.len(), 9);
        for file in ours {
            assert!(file.ends_with(&format!(".{extension}")), "{file}");
            assert!(files[file].contains(line), "{}", files[file]);
        }
    }
}

#[test]
fn knex_follows_its_file_where_there_is_no_migration() {
    let knexfile = "const config = {\n  migrations: {\n    directory: './db/changes',\n  },\n};\nexport default config;\n";
    let project = Project::of(&[("knexfile.ts", knexfile)]);
    project.generate("events", &["--runner", "auto"]);
    let files = project.files_in("db/changes");
    assert!(
        files.len() == 9 && files.keys().all(|file| file.ends_with(".ts")),
        "{:?}",
        files.keys()
    );
    let project = Project::of(&[
        ("knexfile.js", "export default {};\n"),
        ("package.json", "{ \"type\": \"module\" }"),
    ]);
    project.generate("events", &["--runner", "auto"]);
    let files = project.files_in("migrations");
    assert!(
        files
            .values()
            .all(|text| text.contains("export async function up"))
    );
}

#[test]
fn rails_migrations_have_the_newest_ones_version() {
    let project = Project::with("rails");
    project.write(
        "db/migrate/20240101000000_old.rb",
        "class Old < ActiveRecord::Migration[5.2]\nend\n",
    );
    project.generate("events", &["--runner", "auto"]);
    let files = project.files_in("db/migrate");
    let ours: Vec<&String> = files
        .iter()
        .filter(|(f, _)| f.contains("_events_"))
        .map(|(_, t)| t)
        .collect();
    assert_eq!(ours.len(), 9);
    assert!(
        ours.iter()
            .all(|text| text.contains("< ActiveRecord::Migration[7.1]")),
        "{ours:?}"
    );
    let lock = "GEM\n  specs:\n    activerecord (8.0.1)\n    strong_migrations (2.0.0)\n";
    let project = Project::of(&[("config/application.rb", ""), ("Gemfile.lock", lock)]);
    project.generate("events", &["--runner", "auto"]);
    let files = project.files_in("db/migrate");
    assert!(
        files
            .values()
            .all(|text| text.contains("< ActiveRecord::Migration[8.0]"))
    );
    assert!(
        files.values().all(|text| text.contains("safety_assured do")),
        "{files:?}"
    );
}

#[test]
fn ecto_modules_have_the_repos_prefix() {
    let project = Project::with("ecto");
    project.write(
        "priv/repo/migrations/.formatter.exs",
        "[import_deps: [:ecto_sql]]\n",
    );
    project.write(
        "priv/repo/migrations/20250601000000_newer.exs",
        "defmodule Shop.Other.Repo.Migrations.Newer do\nend\n",
    );
    project.generate("events", &["--runner", "auto"]);
    let files = project.files_in("priv/repo/migrations");
    let first = files
        .iter()
        .find(|(file, _)| file.contains("_events_create_partitioned_copy"))
        .unwrap()
        .1;
    assert!(
        first.contains("defmodule Shop.Other.Repo.Migrations.EventsCreatePartitionedCopy do"),
        "{first}"
    );
    let project = Project::of(&[("mix.exs", "[app: :big_shop, deps: [{:ecto_sql, \"3.12\"}]]\n")]);
    project.generate("events", &["--runner", "auto"]);
    let files = project.files_in("priv/repo/migrations");
    assert!(
        files
            .values()
            .all(|text| text.contains("defmodule BigShop.Repo.Migrations.Events")),
        "{files:?}"
    );
}

#[test]
fn sqitch_reads_where_plan_and_scripts_are() {
    let plan = "%project=shop\n\nown 2025-01-01T00:00:00Z A <a@b.example> # own\n";
    let conf = "[core]\n\tengine = pg\n\ttop_dir = db\n\t# plan_file = nowhere\n";
    let project = Project::of(&[("sqitch.conf", conf), ("db/sqitch.plan", plan)]);
    project.generate("events", &["--runner", "auto"]);
    assert!(
        project
            .read("db/sqitch.plan")
            .contains("\nevents_create_partitioned_copy [own] ")
    );
    assert_eq!(project.files_in("db/deploy").len(), 9);
    assert_eq!(project.files_in("db/revert").len(), 9);

    let conf = "[core]\n    top_dir = db\n    plan_file = plans/pg.plan\n    deploy_dir = db/up\n    revert_dir = db/down\n";
    let project = Project::of(&[("sqitch.conf", conf), ("plans/pg.plan", plan)]);
    project.generate("events", &["--runner", "auto"]);
    assert!(
        project
            .read("plans/pg.plan")
            .contains("\nevents_verify_copy [events_")
    );
    assert_eq!(project.files_in("db/up").len(), 9);
    assert_eq!(project.files_in("db/down").len(), 9);
}

#[test]
fn alembic_files_are_named_by_the_projects_template() {
    let template =
        "file_template = %%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d-%%(rev)s_%%(slug)s\n";
    let ini = format!("[alembic]\nscript_location = db\n# file_template = x\n{template}");
    let project = Project::of(&[
        ("alembic.ini", &ini),
        ("db/versions/a1_own.py", "revision = 'a1'\ndown_revision = None\n"),
    ]);
    project.generate("events", &["--runner", "auto"]);
    let revisions = project.places("public.events", "version");
    let files = project.files_in("db/versions");
    let year = chrono::Utc::now().format("db/versions/%Y_").to_string();
    for (revision, step) in revisions.iter().zip(project.places("public.events", "step")) {
        let end = format!("-{revision}_events_{step}.py");
        assert!(
            files.keys().any(|f| f.starts_with(&year) && f.ends_with(&end)),
            "{end}: {:?}",
            files.keys()
        );
    }
    assert!(revisions.iter().all(|revision| revision.len() <= 32));
    // Each follows the one before it, and the first the project's.
    let before: Vec<String> = std::iter::once("a1".to_owned()).chain(revisions).collect();
    assert_eq!(project.places("public.events", "after"), before[..9]);
}

#[test]
fn alembic_is_configured_by_pyproject_too() {
    let toml = "[project]\nname = \"x\"\n\n[tool.alembic]\nscript_location = \"%(here)s/migrations\"\n";
    let project = Project::of(&[("pyproject.toml", toml)]);
    project.generate("events", &["--runner", "auto"]);
    assert_eq!(project.files_in("migrations/versions").len(), 9);
    let first = project
        .files_in("migrations/versions")
        .into_values()
        .find(|text| text.contains("down_revision = None"));
    assert!(first.unwrap().contains("create_partitioned_copy"));
}

#[test]
fn numbers_that_would_stand_before_an_earlier_one_are_refused() {
    for (runner, files) in [
        ("dbmate", [("db/migrations/9_a.sql", "-- migrate:up\n")]),
        ("knex", [("migrations/5_a.js", "")]),
        ("atlas", [("migrations/9_a.sql", "")]),
    ] {
        let project = Project::of(&files);
        let before = project.all_files();
        let said = project.try_generate("events", &["--runner", runner]);
        assert_eq!(said.code, 4, "{runner}: {}", said.stderr);
        assert!(
            said.stderr.contains("10 would stand before 9"),
            "{runner}: {}",
            said.stderr
        );
        assert_eq!(project.all_files(), before);
    }
    // As numbers they're in order.
    counts("sqlx", &[("migrations/9_a.up.sql", "")], "10", "18");
}
