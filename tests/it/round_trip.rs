//! Up, down, up, cutover, rollback for every fixture on every version: the dump
//! afterwards equals the dump before, and the content is equal throughout.

use crate::fixtures::{Fixture, versions_of_case};
use crate::squawk;
use crate::structure::changed_dump;
use crate::support::Database;
use crate::versions::{Version, version};

fn round_trip(case: &str, version: &'static Version) {
    if !versions_of_case(case).contains(&version.major) {
        return assert_rightly_left_out(case, version);
    }
    let fixture = Fixture::load_on(version, case);
    let table = fixture.spec.name.as_str();
    let (dump, content) = (fixture.database.dump(), fixture.content());
    let before = fixture.structure();
    fixture.generate();
    fixture.assert_checks("before the conversion");
    fixture
        .pgcleave
        .ok(&["-q", "apply", table, "--yes", "--through", "verify_copy"]);
    fixture.assert_checks("before the cutover");
    fixture.pgcleave.ok(&["verify", table]);
    fixture.pgcleave.ok(&["-q", "rollback", table, "--yes"]);
    assert_eq!(
        fixture.database.dump(),
        dump,
        "after the rollback before the cutover"
    );
    assert_eq!(fixture.leftovers(), Vec::<String>::new());
    fixture.pgcleave.ok(&["-q", "apply", table, "--yes"]);
    fixture.pgcleave.ok(&["verify", table]);
    assert_eq!(fixture.content(), content, "after the cutover");
    fixture.assert_structure_kept(before);
    fixture.assert_checks("after the cutover");
    if version.major == *versions_of_case(case).end() {
        assert_dump_as_expected(case, &fixture, &dump);
        squawk::assert_only_what_headers_say(&fixture.pgcleave.files(".up.sql"));
        fixture.assert_nothing_to_plan();
    }
    fixture.pgcleave.ok(&["-q", "rollback", table, "--yes"]);
    assert_eq!(fixture.database.dump(), dump, "after the rollback of the cutover");
    assert_eq!(fixture.leftovers(), Vec::<String>::new());
}

/// `tests/snapshots/dumps/<case>.snap`, for the reviewer: what pg_dump writes otherwise.
fn assert_dump_as_expected(case: &str, fixture: &Fixture, before: &str) {
    let database = &fixture.database;
    let changed = changed_dump(before, &database.dump(), database, &fixture.spec.name);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/dumps");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    if fixture.depends_on_today {
        settings.add_filter(r"_p\d{4}[_qh\d]*", "_p[today]");
        settings.add_filter(r"'[0-9a-f]{8}-[0-9a-f]{4}-0000-0000-0{12}'", "'[today]'");
        settings.add_filter(r"'\d{4}-\d\d-\d\d[^']*'", "'[today]'");
    }
    settings.bind(|| insta::assert_snapshot!(case, changed));
}

/// A case's line about versions is true: where it isn't for, PostgreSQL or pgcleave refuses it.
fn assert_rightly_left_out(case: &str, version: &'static Version) {
    let Ok(fixture) = Fixture::try_load_into(Database::on(version), case) else {
        return;
    };
    let said = fixture.try_generate();
    assert_eq!(
        said.code, 4,
        "{case} can be converted on PostgreSQL {}, which its first line leaves out\n{}",
        version.major, said.stderr
    );
}

fn keeps_writes(case: &str, version: &'static Version) {
    let fixture = Fixture::load_on(version, case);
    fixture.generate();
    let table = fixture.spec.name.as_str();
    fixture.pgcleave.ok(&["-q", "apply", table, "--yes"]);
    fixture.write_after_cutover();
    fixture.pgcleave.ok(&["verify", table]);
    let content = fixture.content();
    fixture
        .pgcleave
        .ok(&["-q", "rollback", table, "--yes", "--to", "verify_copy"]);
    assert_eq!(fixture.content(), content, "after the rollback");
    fixture.write_after_cutover();
    fixture.pgcleave.ok(&["verify", table]);
    let content = fixture.content();
    fixture.pgcleave.ok(&["-q", "apply", table, "--yes"]);
    assert_eq!(fixture.content(), content, "after the second cutover");
    fixture.write_after_cutover();
    let content = fixture.content();
    fixture.pgcleave.ok(&["-q", "rollback", table, "--yes"]);
    assert_eq!(fixture.content(), content, "after the rollback to the start");
    fixture.write_after_cutover();
    assert_eq!(fixture.leftovers(), Vec::<String>::new());
}

/// Tests of their own for each fixture and version, so that they run in parallel and fail by name.
macro_rules! fixtures {
    ($($case:ident),* $(,)?) => {
        $(
            mod $case {
                use super::*;

                const CASE: &str = stringify!($case);

                #[test]
                fn round_trip_on_14() { round_trip(CASE, version(14)); }
                #[test]
                fn round_trip_on_15() { round_trip(CASE, version(15)); }
                #[test]
                fn round_trip_on_16() { round_trip(CASE, version(16)); }
                #[test]
                fn round_trip_on_17() { round_trip(CASE, version(17)); }
                #[test]
                fn round_trip_on_18() { round_trip(CASE, version(18)); }
                #[test]
                fn keeps_writes_on_the_oldest() { keeps_writes(CASE, version(*versions_of_case(CASE).start())); }
                #[test]
                fn keeps_writes_on_the_newest() { keeps_writes(CASE, version(*versions_of_case(CASE).end())); }
            }
        )*

        #[test]
        fn every_fixture_is_listed() {
            let mut listed = vec![$(stringify!($case).to_owned()),*];
            listed.sort();
            let entries = std::fs::read_dir(crate::support::tests_folder("fixtures")).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut there: Vec<String> = names.filter(|name| name != "refused").collect();
            there.sort();
            assert_eq!(listed, there);
        }
    };
}

fixtures! {
    bigint_key, check_no_inherit, check_not_valid, checks_and_comments, generated_beside_key, not_enforced, not_null_constraints,
    unlogged, virtual_column, composite_key_with_partition_key, daily_date, deferrable_unique, exclusion_constraint, without_overlaps, domains_enums_arrays, dropped_column,
    empty_table, event_trigger, foreign_keys_both_ways, guarded_primary_key, guarded_unique, extended_unique, dropped_unique, self_reference,
    kept_foreign_keys, generated_column, grants_and_owner, hostile_names, identity_always,
    identity_outside_key, identity_with_options, index_kinds, infinity, materialized_views, numeric_key, quarterly_timestamp,
    policy_names_table, publication_filter_and_columns, publications, replica_identity_full, replica_identity_index, row_level_security, row_level_security_forced, row_type_functions, rules, rules_elsewhere, serial, shared_sequence, sql_body_functions, statistics, storage_parameters, text_and_uuid_key,
    unique_with_partition_key, user_triggers, view_groups_by_key, view_security_invoker, views, views_with_everything, weekly_kathmandu, yearly_ancient,
    hash_bigint, hash_text_composite, hourly_timestamptz, list_enum_grouped, list_text, range_bigint, range_composite, range_numeric,
    range_smallint_negative, sub_hash_range, sub_list_range, sub_range_hash, text_range, uuid_v7, null_key_to_default,
    clustered, column_properties, domains_over_domains, dropped_columns, identity_options, index_options, index_tablespaces,
    invalid_index, nondeterministic_key, nulls_not_distinct, only_the_key, primary_key_extras, sequences_elsewhere,
    thousand_columns, type_zoo, foreign_key_actions, foreign_key_columns, foreign_key_not_valid, trigger_kinds,
}
