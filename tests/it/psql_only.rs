//! The files alone, run by psql: no pgcleave on the machine.

use std::path::{Path, PathBuf};

use crate::fixtures::Fixture;

fn psql(fixture: &Fixture, file: &Path) {
    let mut command = fixture.database.program("psql");
    let output = command
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(file)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}: {}",
        file.display(),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Up files with their verify files, but for the one that can't be undone.
fn run_up(fixture: &Fixture) {
    for up in fixture.pgcleave.files(".up.sql").iter().filter(|f| !is_drop(f)) {
        psql(fixture, up);
        let verify = PathBuf::from(up.to_str().unwrap().replace(".up.sql", ".verify.sql"));
        if verify.exists() {
            psql(fixture, &verify);
        }
    }
}

fn is_drop(file: &Path) -> bool {
    file.to_str().unwrap().contains("drop_retired_table")
}

#[test]
fn converts_and_undoes_with_psql_alone() {
    for case in ["foreign_keys_both_ways", "hostile_names", "user_triggers"] {
        let fixture = Fixture::load(case);
        let (dump, content) = (fixture.database.dump(), fixture.content());
        fixture.generate();
        run_up(&fixture);
        assert_eq!(fixture.content(), content, "{case}");
        fixture.write_after_cutover();
        fixture.pgcleave.ok(&["verify"]);
        let written = fixture.content();
        for down in fixture.pgcleave.files(".down.sql").iter().rev() {
            psql(&fixture, down);
        }
        assert_eq!(fixture.content(), written, "{case}");
        assert_eq!(fixture.leftovers(), Vec::<String>::new(), "{case}");
        let schema = |dump: &str| {
            dump.lines()
                .take_while(|l| !l.starts_with("COPY"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(schema(&fixture.database.dump()), schema(&dump), "{case}");
    }
}

#[test]
fn a_file_that_fails_changes_nothing() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    let dump = fixture.database.dump();
    fixture.database.run_sql("ALTER TABLE events ADD COLUMN late int");
    let changed = fixture.database.dump();
    assert_ne!(dump, changed);
    let first = fixture.pgcleave.files(".up.sql").remove(0);
    let output = fixture
        .database
        .program("psql")
        .args(["-X", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(first)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("has changed since these files were rendered"),
        "{said}"
    );
    assert_eq!(fixture.database.dump(), changed);
}

#[test]
fn drops_the_retired_table_and_leaves_nothing_of_ours() {
    let fixture = Fixture::load("serial");
    fixture.generate();
    let before = fixture.structure();
    run_up(&fixture);
    let drop = fixture.pgcleave.files("drop_retired_table.up.sql").remove(0);
    psql(&fixture, &drop);
    assert_eq!(fixture.leftovers(), Vec::<String>::new());
    fixture.assert_structure_kept(before);
    fixture.write_after_cutover();
    let status = fixture.pgcleave.ok(&["status"]).stdout;
    assert!(status.contains("completed"), "{status}");
    fixture.assert_nothing_to_plan();
    let table = fixture.spec.name.as_str();
    let otherwise = fixture
        .pgcleave
        .run(&["generate", table, "--key", "id", "--interval", "100"]);
    assert_eq!(otherwise.code, 4, "{}", otherwise.stderr);
    assert!(
        otherwise.stderr.contains("already a partitioned table"),
        "{}",
        otherwise.stderr
    );
}

#[test]
fn keeps_the_retired_table_while_foreign_keys_point_at_it() {
    let fixture = Fixture::load("foreign_keys_both_ways");
    fixture.generate();
    fixture.pgcleave.ok(&["-q", "apply", "--yes"]);
    let drop = fixture.pgcleave.files("drop_retired_table.up.sql").remove(0);
    let mut command = fixture.database.program("psql");
    let command = command.args(["-X", "-v", "ON_ERROR_STOP=1", "-f"]).arg(&drop);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("foreign keys still point at the retired table"),
        "{said}"
    );
    fixture.write_after_cutover();
    fixture.pgcleave.ok(&["verify"]);
    let step = fixture
        .pgcleave
        .files("move_incoming_foreign_keys.up.sql")
        .remove(0);
    psql(&fixture, &step);
    fixture.write_after_cutover();
    fixture.pgcleave.ok(&["verify"]);
    psql(&fixture, &drop);
    assert_eq!(fixture.leftovers(), ["pgcleave"], "the history of apply");
    fixture.write_after_cutover();
}

#[test]
fn psql_and_apply_take_turns() {
    let fixture = Fixture::load("bigint_key");
    let dump = fixture.database.dump();
    fixture.generate();
    for up in &fixture.pgcleave.files(".up.sql")[..5] {
        psql(&fixture, up);
    }
    let said = fixture.pgcleave.ok(&["apply", "--yes"]);
    assert!(
        !said.stdout.contains("run_batch_copy") && said.stdout.contains("cut_over"),
        "{}",
        said.stdout
    );
    psql(&fixture, &fixture.pgcleave.files("cut_over.down.sql")[0]);
    fixture.pgcleave.ok(&["rollback", "--yes"]);
    assert_eq!(fixture.database.dump(), dump);
}

#[test]
fn what_the_history_says_of_an_earlier_conversion_skips_no_step_of_this_one() {
    let fixture = Fixture::load("foreign_keys_both_ways");
    fixture.generate();
    let before = fixture.structure();
    fixture.pgcleave.ok(&["-q", "apply", "--yes"]);
    for down in fixture.pgcleave.files(".down.sql").iter().rev() {
        psql(&fixture, down);
    }
    for up in &fixture.pgcleave.files(".up.sql")[..9] {
        psql(&fixture, up);
    }
    let cut_over = fixture.pgcleave.files("cut_over.up.sql").remove(0);
    let mut command = fixture.database.program("psql");
    let output = command
        .args(["-X", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(cut_over)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("add_foreign_keys"),
        "{said}"
    );
    let said = fixture.pgcleave.ok(&["apply", "--yes"]).stdout;
    assert!(
        said.contains("add_foreign_keys") && said.contains("verify_copy"),
        "{said}"
    );
    fixture.assert_structure_kept(before);
}

#[test]
fn a_conversion_undone_by_psql_can_be_generated_anew() {
    let fixture = Fixture::load("bigint_key");
    fixture.generate();
    fixture.pgcleave.ok(&["-q", "apply", "--yes"]);
    for down in fixture.pgcleave.files(".down.sql").iter().rev() {
        psql(&fixture, down);
    }
    fixture
        .pgcleave
        .ok(&["-q", "generate", "events", "--key", "at", "--interval", "weekly"]);
    fixture.pgcleave.ok(&["-q", "apply", "--yes"]);
}
