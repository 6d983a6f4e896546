//! The way of the crate's documentation: a program of one's own converts a table, without the command line.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pgcleave::apply::verification::{Options, Subject, verify};
use pgcleave::apply::{Progress, Relations, Reporter, RunOptions, Session, Stage};
use pgcleave::db::connect::Target;
use pgcleave::facts::{self, PlanError};
use pgcleave::migration::{Directory, write_whole};
use pgcleave::plan::Plan;
use pgcleave::runner;
use pgcleave::spec::{Spec, TableSpec};

use crate::support::Database;

const SCHEMA: &str = "CREATE TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
    INSERT INTO events SELECT i, 'n' || i, '2026-01-05 00:00+00'::timestamptz + i * interval '1 hour' FROM generate_series(1, 2000) i;
    ANALYZE";

/// Keeps what it is told.
#[derive(Default)]
struct Told {
    begun: Vec<String>,
    ended: usize,
}

impl Reporter for Told {
    fn begin(&mut self, title: &str, _is_long: bool) {
        self.begun.push(title.to_owned());
    }
    fn progress(&mut self, _progress: Progress) {}
    fn notice(&mut self, text: &str) {
        panic!("{text}");
    }
    fn end(&mut self) {
        self.ended += 1;
    }
}

fn spec(key: &str) -> TableSpec {
    let text = format!(
        "[[table]]\nname = \"public.events\"\nkey = \"{key}\"\ninterval = \"monthly\"\npremake = 1\n"
    );
    Spec::parse(&text).unwrap().tables.remove(0)
}

fn target(database: &Database) -> Target {
    Target::resolve(Some(&database.url()), &|_| None).unwrap()
}

fn plan(database: &Database, spec: &TableSpec) -> Result<Plan, PlanError> {
    let mut client = target(database).open().unwrap();
    let loaded = facts::load(&mut client, &spec.table().unwrap(), spec)?;
    Ok(loaded.plan(&mut client, spec)?.plan)
}

fn write(plan: &Plan, folder: &Path) -> Directory {
    for file in runner::files(plan).unwrap() {
        write_whole(&folder.join(file.name.to_string()), &file.text).unwrap();
    }
    Directory::read(folder).unwrap()
}

#[test]
fn a_program_of_one_s_own_converts_a_table() {
    let database = Database::new();
    database.run_sql(SCHEMA);
    let (spec, target) = (spec("at"), target(&database));
    let plan = plan(&database, &spec).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let directory = write(&plan, &folder.path().join(spec.folder(&spec.table().unwrap())));
    let relations = Relations::of(&spec.table().unwrap());
    let interrupted = Arc::new(AtomicBool::new(false));
    let mut session = Session::open(
        &target,
        relations,
        RunOptions::default(),
        Arc::clone(&interrupted),
    )
    .unwrap();
    let mut told = Told::default();
    for file in directory.ups() {
        session.run_step(&directory, &file.name.stem, &mut told).unwrap();
        // What is done is passed over.
        session.run_step(&directory, &file.name.stem, &mut told).unwrap();
        if file.name.stem == "verify_cutover" {
            break;
        }
    }
    assert_eq!(session.position().unwrap().stage, Stage::CutOver);
    let titles: Vec<&str> = plan.steps.iter().map(|step| step.title()).collect();
    assert_eq!(told.begun, titles[..titles.len() - 1]);
    assert_eq!(told.ended, told.begun.len());
    assert_eq!(
        database.lines("SELECT relkind::text FROM pg_class WHERE oid = 'events'::regclass"),
        ["p"]
    );
    database.run_sql("ALTER TABLE events DISABLE TRIGGER \"RI_pgcleave_reverse\"; UPDATE events SET note = 'other' WHERE id = 7");
    let options = Options {
        jobs: 1,
        only: None,
        resume_within: Duration::ZERO,
        max_keys: 5,
        interrupted,
    };
    let report = verify(&target, &Subject::of(&plan), &options, &mut |_, _| {}).unwrap();
    assert!(!report.equal);
    assert_eq!(report.differences.len(), 1);
    assert_eq!(report.differences[0].columns[0].column, "note");
}

#[test]
fn a_table_that_can_t_be_converted_is_an_error_with_every_reason() {
    let database = Database::new();
    database.run_sql(
        "CREATE TABLE events (note text, at timestamptz NOT NULL); CREATE TABLE events_pgcleave_copy ()",
    );
    let Err(PlanError::Blocked { table, problems, .. }) = plan(&database, &spec("at")) else {
        panic!("it is planned");
    };
    assert_eq!(table.plain(), "public.events");
    let blockers: Vec<&str> = problems
        .iter()
        .filter(|p| p.is_blocker())
        .map(|p| p.cause.as_str())
        .collect();
    assert!(
        blockers.iter().any(|cause| cause.contains("primary key")),
        "{blockers:?}"
    );
    assert!(
        blockers
            .iter()
            .any(|cause| cause.contains("events_pgcleave_copy is taken")),
        "{blockers:?}"
    );
    let error = plan(&database, &spec("at")).unwrap_err().to_string();
    assert!(
        error.starts_with("public.events can't be converted as asked:\n- "),
        "{error}"
    );
}

#[test]
fn a_step_whose_file_is_missing_is_an_error() {
    let database = Database::new();
    database.run_sql(SCHEMA);
    let (spec, target) = (spec("at"), target(&database));
    let folder = tempfile::tempdir().unwrap();
    let mut directory = write(&plan(&database, &spec).unwrap(), folder.path());
    directory
        .files
        .retain(|file| file.name.stem != "create_partitioned_copy");
    let relations = Relations::of(&spec.table().unwrap());
    let mut session = Session::open(&target, relations, RunOptions::default(), Arc::default()).unwrap();
    let error = session
        .run_step(&directory, "create_partitioned_copy", &mut Told::default())
        .unwrap_err();
    assert_eq!(error.to_string(), "there is no create_partitioned_copy.up.sql");
}
