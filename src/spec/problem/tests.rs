use crate::spec::{Spec, SpecProblem};

/// Four lines, so that what a test adds begins in the fifth.
const ENTRY: &str = "[[table]]\nname = \"public.events\"\nkey = \"at\"\ninterval = \"monthly\"\n";

fn said(text: &str) -> String {
    let error = Spec::parse(text).expect_err(text);
    error.in_file("conf/pgcleave.toml".as_ref()).to_string()
}

/// What is said of lines behind the entry's, without the file.
fn of(lines: &str) -> String {
    let said = said(&format!("{ENTRY}{lines}\n"));
    said.strip_prefix("conf/pgcleave.toml:")
        .unwrap_or_else(|| panic!("{said}"))
        .to_owned()
}

/// What is said where the interval isn't, which is in the fourth line.
fn in_place_of_interval(lines: &str) -> String {
    let said = said(&ENTRY.replace("interval = \"monthly\"", lines));
    said.strip_prefix("conf/pgcleave.toml:")
        .unwrap_or_else(|| panic!("{said}"))
        .to_owned()
}

#[test]
fn names_file_line_and_key_of_an_unknown_key() {
    assert_eq!(
        said(&format!("{ENTRY}premaek = 5\n")),
        "conf/pgcleave.toml:5: unknown key \"premaek\" in [[table]] public.events; did you mean \"premake\"?"
    );
    assert_eq!(
        of("colour = \"red\""),
        "5: unknown key \"colour\" in [[table]] public.events"
    );
    assert_eq!(
        of("[table.sub]\nkey = \"id\"\n\npartition = 3"),
        "8: unknown key \"partition\" in [table.sub] of public.events; did you mean \"partitions\"?"
    );
    assert_eq!(
        said("[[tables]]\n"),
        "conf/pgcleave.toml:1: unknown key \"tables\" in the file; did you mean \"table\"?"
    );
    assert_eq!(
        said("\n\nname = \"a.b\"\n"),
        "conf/pgcleave.toml:3: unknown key \"name\" in the file"
    );
}

#[test]
fn finds_the_entry_among_several() {
    let second = "\n[[table]]\nname = \"public.orders\"\nkey = \"at\"\ninterval = \"monthly\"\nout = 5\n";
    assert_eq!(
        of(second),
        "10: out = 5 in [[table]] public.orders: expected a text"
    );
    let nameless = "\n[[table]]\nkey = \"at\"\ninterval = \"montly\"\n";
    assert_eq!(
        of(nameless),
        "8: interval = \"montly\" in [[table]] number 2: expected one of hourly, daily, weekly, monthly, quarterly, \
         yearly or a whole number from 1; did you mean \"monthly\"?"
    );
}

#[test]
fn names_what_is_missing() {
    assert_eq!(
        said("# ours\n[[table]]\nname = \"a.b\"\n"),
        "conf/pgcleave.toml:2: [[table]] a.b lacks the key \"key\""
    );
    assert_eq!(
        of("[[table]]\nkey = \"at\""),
        "5: [[table]] number 2 lacks the key \"name\""
    );
    assert_eq!(
        of("[table.sub]\nstrategy = \"hash\"\npartitions = 3"),
        "5: [table.sub] of public.events lacks the key \"key\""
    );
}

#[test]
fn says_what_a_value_must_be() {
    for (lines, expected) in [
        (
            "premake = \"twelve\"",
            "5: premake = \"twelve\" in [[table]] public.events: expected a whole number from 0 to 1000",
        ),
        (
            "premake = 1001",
            "5: premake = 1001 in [[table]] public.events: expected a whole number from 0 to 1000",
        ),
        (
            "premake = -1",
            "5: premake = -1 in [[table]] public.events: expected a whole number from 0 to 1000",
        ),
        (
            "\nbatch_size = 0",
            "6: batch_size = 0 in [[table]] public.events: expected a whole number from 1 to 4294967295",
        ),
        (
            "batch_size = 4294967296",
            "5: batch_size = 4294967296 in [[table]] public.events: expected a whole number from 1 to 4294967295",
        ),
        (
            "out = [1,\n 2]",
            "5: out = [1, 2] in [[table]] public.events: expected a text",
        ),
        (
            "time_zone = 5",
            "5: time_zone = 5 in [[table]] public.events: expected an IANA time zone",
        ),
        (
            "allow = \"all\"",
            "5: allow = \"all\" in [[table]] public.events: expected a list, each \"many_partitions\"",
        ),
        (
            "unique = \"guard\"",
            "5: unique = \"guard\" in [[table]] public.events: expected a table",
        ),
        (
            "[table.sub]\nkey = 5",
            "6: key = 5 in [table.sub] of public.events: expected a text or a list, each a text",
        ),
    ] {
        assert_eq!(of(lines), expected);
    }
    for (lines, expected) in [
        (
            "interval = true",
            "4: interval = true in [[table]] public.events: expected one of hourly, daily, weekly, monthly, quarterly, yearly or a whole number from 1",
        ),
        (
            "interval = 0",
            "4: interval = 0 in [[table]] public.events: expected one of hourly, daily, weekly, monthly, quarterly, yearly or a whole number from 1",
        ),
        (
            "bounds = [1, 1.5]",
            "4: bounds = [1, 1.5] in [[table]] public.events: expected a list, each true or false or a whole number or a text",
        ),
        (
            "strategy = \"hash\"\npartitions = -3",
            "5: partitions = -3 in [[table]] public.events: expected a whole number from 1 to 4096",
        ),
    ] {
        assert_eq!(in_place_of_interval(lines), expected);
    }
    assert_eq!(
        said("[table]\nname = \"a.b\"\n"),
        "conf/pgcleave.toml:1: table in the file: expected [[table]], once for each table"
    );
    assert_eq!(
        said("table = 5\n"),
        "conf/pgcleave.toml:1: table = 5 in the file: expected [[table]], once for each table"
    );
}

#[test]
fn proposes_the_choice_that_was_meant() {
    for (lines, expected) in [
        (
            "time_zone = \"Europe/Berln\"",
            "5: time_zone = \"Europe/Berln\" in [[table]] public.events: expected an IANA time zone; did you mean \"Europe/Berlin\"?",
        ),
        (
            "time_zone = \"utc\"",
            "5: time_zone = \"utc\" in [[table]] public.events: expected an IANA time zone; did you mean \"UTC\"?",
        ),
        (
            "strategy = \"lst\"",
            "5: strategy = \"lst\" in [[table]] public.events: expected one of range, list, hash; did you mean \"list\"?",
        ),
        (
            "null_keys = \"keep\"",
            "5: null_keys = \"keep\" in [[table]] public.events: expected one of refuse, default",
        ),
        (
            "allow = [\"many_partition\"]",
            "5: allow = \"many_partition\" in [[table]] public.events: expected \"many_partitions\"; did you mean \"many_partitions\"?",
        ),
        (
            "[table.unique]\na_key = \"gard\"",
            "6: a_key = \"gard\" in [table.unique] of public.events: expected one of extend, drop, guard; did you mean \"guard\"?",
        ),
        (
            "incoming = { fk = \"guard\", other = \"extended\" }",
            "5: other = \"extended\" in [table.incoming] of public.events: expected one of guard, extend, trigger, drop; did you mean \"extend\"?",
        ),
    ] {
        assert_eq!(of(lines), expected);
    }
    let runner = of("runner = \"golang_migrate\"");
    assert!(
        runner.starts_with(
            "5: runner = \"golang_migrate\" in [[table]] public.events: expected one of plain, "
        ),
        "{runner}"
    );
    assert!(runner.ends_with("did you mean \"golang-migrate\"?"), "{runner}");
    let through = of("through = \"verify_cpy\"");
    assert!(
        through.starts_with("5: through = \"verify_cpy\" in [[table]] public.events: expected one of "),
        "{through}"
    );
    assert!(through.ends_with("did you mean \"verify_copy\"?"), "{through}");
}

#[test]
fn names_the_line_of_what_does_not_fit_together() {
    for (lines, expected) in [
        (
            "bounds = [1]",
            "5: [[table]] public.events can't be partitioned so: either interval or bounds must be given with strategy = \"range\"",
        ),
        (
            "\n\npartitions = 3",
            "7: [[table]] public.events can't be partitioned so: partitions can't be given with strategy = \"range\"",
        ),
        (
            "[table.lists]\na = [1]",
            "5: [[table]] public.events can't be partitioned so: lists can't be given with strategy = \"range\"",
        ),
        (
            "strategy = \"hash\"",
            "4: [[table]] public.events can't be partitioned so: interval can't be given with strategy = \"hash\"",
        ),
        (
            "[table.sub]\nkey = \"a\"\nstrategy = \"hash\"\ninterval = 5",
            "8: [table.sub] of public.events can't be partitioned so: interval can't be given with strategy = \"hash\"",
        ),
        (
            "[table.sub]\nkey = [\"a\", \"b\"]\nstrategy = \"list\"",
            "6: [table.sub] of public.events can't be partitioned so: a key of several columns doesn't go with strategy = \"list\"",
        ),
    ] {
        assert_eq!(of(lines), expected);
    }
    for (lines, expected) in [
        (
            "",
            "1: [[table]] public.events can't be partitioned so: either interval or bounds must be given with strategy = \"range\"",
        ),
        (
            "strategy = \"hash\"",
            "1: [[table]] public.events can't be partitioned so: partitions must be given, 1 to 4096, with strategy = \"hash\"",
        ),
        (
            "strategy = \"hash\"\npartitions = 4097",
            "5: [[table]] public.events can't be partitioned so: partitions must be given, 1 to 4096, with strategy = \"hash\"",
        ),
        (
            "strategy = \"list\"\nlists = { a = [] }",
            "5: [[table]] public.events can't be partitioned so: an empty list doesn't go with strategy = \"list\"",
        ),
    ] {
        assert_eq!(in_place_of_interval(lines), expected);
    }
}

#[test]
fn wants_a_column_in_the_key() {
    assert_eq!(
        said(&ENTRY.replace("\"at\"", "[]")),
        "conf/pgcleave.toml:3: [[table]] public.events can't be partitioned so: the key names no column"
    );
}

#[test]
fn names_both_lines_of_a_table_that_stands_twice() {
    assert_eq!(
        of("\n[[table]]\nkey = \"at\"\nname = \"Public.\\\"events\\\"\"\ninterval = \"daily\""),
        "8: [[table]] Public.\"events\" stands twice; first in line 2"
    );
}

#[test]
fn wants_a_table_with_its_schema() {
    for (name, shown) in [("events", "events"), ("a.b.c", "a.b.c"), ("", "")] {
        assert_eq!(
            said(&format!(
                "[[table]]\nname = \"{name}\"\nkey = \"at\"\ninterval = \"daily\"\n"
            )),
            format!(
                "conf/pgcleave.toml:2: name = \"{shown}\" in [[table]]: expected schema.table, quoted where SQL needs quotes"
            )
        );
    }
}

#[test]
fn names_the_line_of_what_is_no_toml() {
    let error = Spec::parse(&format!("{ENTRY}premake\n")).unwrap_err();
    assert_eq!(error.line, Some(5));
    assert!(matches!(*error.problem, SpecProblem::Syntax(_)), "{error}");
    assert_eq!(of("key = \"id\""), "5: duplicate key");
}

#[test]
fn begins_with_what_is_known_of_the_place() {
    let error = Spec::parse(&format!("{ENTRY}premake = 1001\n")).unwrap_err();
    assert!(
        error.to_string().starts_with("line 5: premake = 1001 in "),
        "{error}"
    );
    let mut table = Spec::parse(ENTRY).unwrap().tables.remove(0);
    table.premake = 1001;
    let error = table.validate().unwrap_err();
    assert!(error.to_string().starts_with("premake = 1001 in "), "{error}");
}

#[test]
fn shortens_a_long_value() {
    let said = of(&format!("out = [\"{}\"]", "x".repeat(5000)));
    assert!(said.len() < 200 && said.contains("xxx… in "), "{said}");
}
