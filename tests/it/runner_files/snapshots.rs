//! Two steps each as the runners get them that can't be had: one in a transaction, one not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pgcleave::plan::plan_conversion;
use pgcleave::runner::{FORMAT, Place, Placement, outputs};
use pgcleave::spec::{RunnerName, Spec};

use crate::example;
use crate::support::Database;

fn is_as_before(runner: RunnerName, versions: [&str; 2], style: &[(&str, &str)]) {
    let database = Database::new();
    database.run_sql(example::SCHEMA);
    let spec = Spec::parse(example::SPEC).unwrap().tables.remove(0);
    let plan = plan_conversion(&example::facts(&database), &spec).unwrap();
    let steps = ["run_batch_copy", "verify_copy"].iter().zip(versions);
    let place = |(step, version): (&&str, &str)| Place {
        step: (*step).to_owned(),
        version: version.to_owned(),
        name: format!("events_{step}"),
        after: None,
    };
    let placement = Placement {
        format: FORMAT,
        runner,
        directory: PathBuf::from("migrations"),
        style: style
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        steps: steps.map(place).collect(),
        by_hand: Vec::new(),
        files: Vec::new(),
    };
    let files = outputs(&plan, Path::new("out"), Some(&placement)).unwrap();
    let texts = files
        .iter()
        .map(|file| format!("==> {} <==\n{}", file.path.display(), file.text));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/runners");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter("Made by: pgcleave .*", "Made by: [VERSION AND FINGERPRINT]");
    let text = texts.collect::<Vec<_>>().join("\n");
    settings.bind(|| insta::assert_snapshot!(runner.as_str(), text));
}

#[test]
fn goose_files_are_as_before() {
    is_as_before(RunnerName::Goose, ["00004", "00009"], &[]);
}

#[test]
fn golang_migrate_files_are_as_before() {
    is_as_before(RunnerName::GolangMigrate, ["000004", "000009"], &[]);
}

#[test]
fn flyway_files_are_as_before() {
    is_as_before(RunnerName::Flyway, ["4", "9"], &[]);
}

#[test]
fn atlas_files_are_as_before() {
    is_as_before(RunnerName::Atlas, ["20260115000004", "20260115000009"], &[]);
}

#[test]
fn prisma_files_are_as_before() {
    is_as_before(RunnerName::Prisma, ["20260115000004", "20260115000009"], &[]);
}

#[test]
fn ecto_files_are_as_before() {
    is_as_before(
        RunnerName::Ecto,
        ["20260115000004", "20260115000009"],
        &[("repo", "Shop.Repo")],
    );
}
