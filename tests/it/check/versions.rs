//! Teams that change to another version of pgcleave half-way.

use std::fs;

use pgcleave::migration::checksum;
use serde_json::Value;

use super::{check, check_json, edit, file};
use crate::fixtures::Fixture;

const THIS: &str = concat!("Made by: pgcleave ", env!("CARGO_PKG_VERSION"), ",");
const OTHER: &str = "Made by: pgcleave 0.0.7,";

/// As if another version had written every file, these otherwise than this one.
fn made_by_another(fixture: &Fixture, otherwise: &[&str]) {
    let files = fixture.pgcleave.files(".sql");
    assert!(files.len() > 20);
    for file in files {
        edit(&file, THIS, OTHER);
    }
    for suffix in otherwise {
        edit(&file(fixture, suffix), "\n\n", "\n\n\n");
    }
    let noted = file(fixture, "written.json");
    let mut written: Value = serde_json::from_str(&fs::read_to_string(&noted).unwrap()).unwrap();
    for file in fixture.pgcleave.files(".sql") {
        let name = file.file_name().unwrap().to_str().unwrap();
        written["files"][name] = checksum(&fs::read_to_string(&file).unwrap()).into();
    }
    fs::write(noted, written.to_string()).unwrap();
}

#[test]
fn files_of_another_version_are_no_difference_as_long_as_they_are_as_it_wrote_them() {
    for otherwise in [
        &[][..],
        &[
            "run_batch_copy.up.sql",
            "catch_up.up.sql",
            "install_sync_trigger.down.sql",
        ],
    ] {
        let fixture = Fixture::load("bigint_key");
        fixture.generate();
        made_by_another(&fixture, otherwise);
        for flags in [&[][..], &["--live"]] {
            let said = check(&fixture, flags, 0).stdout;
            assert!(
                said.contains("note: 30 files as pgcleave 0.0.7 wrote them; this is "),
                "{said}"
            );
        }
        fixture
            .pgcleave
            .ok(&["-q", "apply", "--yes", "--through", "run_batch_copy"]);
        check(&fixture, &["--live"], 0);
        // What hasn't run is written again, without a question; what has run stays.
        fixture.pgcleave.ok(&["-q", "generate", "events"]);
        let text = |suffix: &str| fs::read_to_string(file(&fixture, suffix)).unwrap();
        assert!(
            text("run_batch_copy.up.sql").contains(OTHER)
                && text("install_sync_trigger.down.sql").contains(OTHER)
        );
        assert!(text("catch_up.up.sql").contains(THIS) && !text("catch_up.up.sql").contains("\n\n\n"));
        check(&fixture, &["--live"], 0);
        fixture.pgcleave.ok(&["-q", "apply", "--yes"]);
        check(&fixture, &["--live"], 0);
        fixture.pgcleave.ok(&["-q", "rollback", "--yes"]);
    }
}

#[test]
fn an_edit_of_a_file_of_another_version_is_found() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    made_by_another(&fixture, &["catch_up.up.sql"]);
    edit(&file(&fixture, "0004_run_batch_copy.up.sql"), "CALL ", "CALL  ");
    let json = check_json(&fixture, &[], 3);
    let differences = json["tables"][0]["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 1, "{differences:#?}");
    assert_eq!(
        (&differences[0]["made_by"], &differences[0]["edited"]),
        (&"0.0.7".into(), &true.into())
    );
    let diff = differences[0]["diff"].as_str().unwrap();
    assert!(!diff.contains("+-- Made by"), "{diff}");
    let said = check(&fixture, &[], 3).stdout;
    assert!(
        said.contains("some were made by pgcleave 0.0.7; this is "),
        "{said}"
    );
    assert_eq!(fixture.pgcleave.run(&["apply", "--yes"]).code, 4);
    assert_eq!(fixture.pgcleave.run(&["generate", "events"]).code, 2);
}

#[test]
fn without_checksums_only_what_is_written_alike_is_no_difference() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    made_by_another(&fixture, &["catch_up.up.sql"]);
    fs::remove_file(file(&fixture, "written.json")).unwrap();
    let json = check_json(&fixture, &[], 3);
    let differences = json["tables"][0]["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 1, "{differences:#?}");
    fs::write(
        file(&fixture, "catalog.json").with_file_name("written.json"),
        "{}",
    )
    .unwrap();
    let said = check(&fixture, &[], 3).stdout;
    assert!(said.contains("written.json can't be read: "), "{said}");
}

#[test]
fn a_file_that_was_changed_after_it_was_run_is_found_though_it_fits_the_spec() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture
        .pgcleave
        .ok(&["-q", "apply", "--yes", "--through", "run_batch_copy"]);
    check(&fixture, &["--live"], 0);
    fixture
        .database
        .run_sql("UPDATE pgcleave.history SET checksum = md5(checksum) WHERE step = 'install_sync_trigger'");
    check(&fixture, &[], 0);
    let json = check_json(&fixture, &["--live"], 3);
    let cause = json["tables"][0]["findings"][0]["cause"].as_str().unwrap();
    assert!(
        cause.contains("0002_install_sync_trigger.up.sql was changed after it was run on 20"),
        "{cause}"
    );
}
