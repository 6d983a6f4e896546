//! What the runner's own history says has run is neither moved nor written anew, whatever the catalog shows.

use super::{Project, marks_of};
use crate::support::Database;

/// Generates for a runner, whose history is made then.
fn noted(runner: &str, files: &[(&str, &str)], history: &str) -> (Database, Project) {
    let database = Database::new();
    database.run_sql(super::SCHEMA);
    let project = Project::at(database.url(), files);
    project.generate("events", &["--runner", runner]);
    database.run_sql(history);
    (database, project)
}

#[track_caller]
fn is_refused(project: &Project, flags: &[&str], words: &str) {
    let before = project.all_files();
    let said = project.try_generate("events", flags);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(said.stderr.contains(words), "{}", said.stderr);
    assert_eq!(project.all_files(), before);
}

#[test]
fn golang_migrate_has_run_everything_up_to_the_version_that_it_names() {
    let history = "CREATE TABLE schema_migrations (version bigint, dirty boolean); INSERT INTO schema_migrations VALUES (4, false)";
    let (database, project) = noted("golang-migrate", marks_of("golang-migrate").files, history);
    is_refused(
        &project,
        &["--through", "install_sync_trigger"],
        "create_batch_copy_procedure (000004) has run",
    );
    is_refused(
        &project,
        &["--premake", "3"],
        "000002_events_create_partitioned_copy",
    );
    // A dirty one has not.
    database.run_sql("UPDATE schema_migrations SET version = 4, dirty = true");
    project.generate("events", &["--through", "install_sync_trigger"]);
    is_refused(
        &project,
        &["--through", "create_partitioned_copy"],
        "install_sync_trigger (000003) has run",
    );
}

#[test]
fn flyway_writes_dots_where_names_have_underscores() {
    let history = "CREATE TABLE flyway_schema_history (version varchar(50), success boolean);
        INSERT INTO flyway_schema_history VALUES ('1.007', true), ('1.008', true), ('1.009', false), (NULL, true)";
    let files = [("flyway.conf", ""), ("sql/V1_007__a.sql", "")];
    let (_database, project) = noted("flyway", &files, history);
    is_refused(
        &project,
        &["--premake", "3"],
        "V1_008__events_create_partitioned_copy.sql has run",
    );
    project.generate("events", &["--through", "create_partitioned_copy"]);
}

#[test]
fn a_lost_file_of_what_has_run_is_written_again() {
    let history =
        "CREATE TABLE schema_migrations (version text); INSERT INTO schema_migrations VALUES ('008')";
    let files = [("db/migrations/007_a.sql", "-- migrate:up\n")];
    let (_database, project) = noted("dbmate", &files, history);
    let before = project.all_files();
    let lost = project
        .pgcleave
        .folder
        .path()
        .join("db/migrations/008_events_create_partitioned_copy.sql");
    std::fs::remove_file(lost).unwrap();
    project.generate("events", &[]);
    assert_eq!(project.all_files(), before);
}
