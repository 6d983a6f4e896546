//! The way back of runners that know none: scripts by psql, and a history that is told.

use serde_json::Value;

use super::{Journey, shop};
use crate::driver::{Driver, ok};
use crate::drivers::{graphile_migrate::GraphileMigrate, psql::psql, refinery::Refinery};

const FOLDER: &str = "migrations_out/public.events/by_hand";
/// What the first line of a script says before the statement.
const FORGET: &str = " runs it again: ";

/// Undoes migrations, newest first, until the runner's history has this length.
pub fn undo_to(journey: &Journey, length: usize) {
    loop {
        let history = journey.history();
        if history.len() <= length {
            break;
        }
        match step_of(journey, history.last().unwrap()) {
            Some(step) => undo_from(journey, &step),
            None => undo_own(journey),
        }
        assert!(journey.history().len() < history.len(), "{history:?}");
    }
}

/// Ours, if the entry is one.
fn step_of(journey: &Journey, entry: &str) -> Option<String> {
    let number = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().unwrap()
    };
    let placement = journey.placement();
    let places = placement["steps"].as_array().unwrap();
    let place = places
        .iter()
        .find(|place| number(place["version"].as_str().unwrap()) == number(entry))?;
    Some(place["step"].as_str().unwrap().to_owned())
}

/// Runs the script of this step and of those behind it, and the statements that they name.
fn undo_from(journey: &Journey, step: &str) {
    let project = &journey.project;
    let status = journey.status();
    let done: Vec<&Value> = status["steps"].as_array().unwrap().iter().collect();
    let is_due = |name: &&String| {
        let is_it = |s: &&&Value| name.ends_with(&format!("_{}.down.sql", s["step"].as_str().unwrap()));
        // What was built for a cutover that was undone is no longer done, and its script is harmless.
        let is_done = done.iter().find(is_it).is_some_and(|s| s["done"] == true);
        is_done || name.ends_with(&format!("_{step}.down.sql"))
    };
    for name in project.names_in(FOLDER).iter().rev().filter(is_due) {
        let path = format!("{FOLDER}/{name}");
        ok(psql(project, &path));
        let text = std::fs::read_to_string(project.folder().join(&path)).unwrap();
        let first = text.lines().next().unwrap();
        if let Some((_, statement)) = first.split_once(FORGET) {
            project.database.run_sql(statement);
        }
        if name.ends_with(&format!("_{step}.down.sql")) {
            return;
        }
    }
    panic!("no script undoes {step}");
}

/// The team's own newest: it drops the one table that the migration made.
fn undo_own(journey: &Journey) {
    let database = &journey.project.database;
    let is_there = |name: &&&str| {
        let table = format!("SELECT to_regclass('{name}')::text");
        !database.lines(&table).concat().is_empty()
    };
    let newest = ["between", "later"].iter().find(is_there).unwrap();
    database.run_sql(&format!("DROP TABLE {newest}"));
    journey.driver.forget_last(&journey.project);
}

/// Runs what is pending: where the runner can't run a step, the one behind it fails until pgcleave has.
pub fn run(journey: &Journey, through: &str) {
    let placement = journey.placement();
    let by_hand = placement["by_hand"].as_array().cloned().unwrap_or_default();
    let mut apply = vec!["-q", "apply", shop::TABLE, "--yes"];
    // Steps behind the cutover are run when they are named.
    if through == "drop_retired_table" {
        apply.extend(["--through", "move_incoming_foreign_keys"]);
    }
    let mut said = journey.driver.up(&journey.project);
    for _ in by_hand {
        journey.pgcleave(&apply);
        said = journey.driver.up(&journey.project);
    }
    ok(said);
}

/// By pgcleave's own way back instead of the scripts: what it prints makes the runner run all of it again, and without
/// that pgcleave does.
fn goes_back_by_pgcleave(driver: &'static dyn Driver) {
    let mut journey = Journey::begin(driver);
    let structure = journey.structure();
    journey.generate("verify_copy", &shop::PARTITIONING);
    journey.up("verify_copy");
    let history = journey.history();

    journey.pgcleave(&["rollback", shop::TABLE, "--yes"]);
    assert_eq!(journey.structure(), structure);
    assert_eq!(journey.history(), history);
    let other = ["generate", shop::TABLE, "--interval", "weekly"];
    assert_eq!(
        journey.project.pgcleave.run(&other).code,
        4,
        "has run, for the runner"
    );
    journey.pgcleave(&["apply", shop::TABLE, "--yes", "--through", "verify_copy"]);
    journey.assert_done_through("verify_copy");

    let said = journey.pgcleave(&["rollback", shop::TABLE, "--yes"]).stdout;
    for statement in said.lines().filter(|line| line.starts_with("DELETE")) {
        journey.project.database.run_sql(statement);
    }
    assert_eq!(journey.structure(), structure);
    journey.up("verify_copy");
    assert_eq!(journey.history(), history);
}

#[test]
fn refinery_can_be_told_that_pgcleave_has_gone_back() {
    goes_back_by_pgcleave(&Refinery);
}

#[test]
fn graphile_migrate_can_be_told_that_pgcleave_has_gone_back() {
    goes_back_by_pgcleave(&GraphileMigrate);
}
