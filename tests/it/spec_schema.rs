//! The JSON Schema of pgcleave.toml knows what pgcleave knows.
//!
//! After a change of the spec: `UPDATE_SCHEMA=1 cargo test spec_schema`.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use pgcleave::migration::write_whole;
use pgcleave::spec::{Spec, json_schema};
use serde_json::Value;

use crate::support::{Pgcleave, tests_folder};

const ENTRY: &str = "[[table]]\nname = \"public.events\"\nkey = \"at\"\n";

fn validator() -> Validator {
    let schema = json_schema();
    assert!(jsonschema::draft202012::meta::is_valid(&schema));
    jsonschema::draft202012::new(&schema).unwrap()
}

fn json(toml: &str) -> Value {
    toml::from_str(toml).unwrap_or_else(|e| panic!("{e}\n{toml}"))
}

/// What doesn't fit, empty where all does.
fn complaints(validator: &Validator, toml: &str) -> Vec<String> {
    let value = json(toml);
    validator
        .iter_errors(&value)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect()
}

fn specs() -> Vec<PathBuf> {
    let mut paths = vec![tests_folder("example/pgcleave.toml")];
    for folder in ["fixtures", "fixtures/refused"] {
        let cases = fs::read_dir(tests_folder(folder)).unwrap();
        paths.extend(
            cases
                .map(|case| case.unwrap().path().join("spec.toml"))
                .filter(|path| path.is_file()),
        );
    }
    assert!(paths.len() > 90, "{}", paths.len());
    paths
}

#[test]
fn the_committed_schema_is_what_pgcleave_prints() {
    let printed = Pgcleave::at(String::new()).ok(&["schema"]).stdout;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pgcleave.schema.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        write_whole(&path, &printed).unwrap();
    }
    let is_current = fs::read_to_string(path).unwrap() == printed;
    assert!(
        is_current,
        "hint: UPDATE_SCHEMA=1 cargo test spec_schema, and read the diff"
    );
}

#[test]
fn every_spec_that_pgcleave_reads_or_writes_is_valid() {
    let validator = validator();
    for path in specs() {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            complaints(&validator, &text),
            Vec::<String>::new(),
            "{}",
            path.display()
        );
        for table in Spec::parse(&text).unwrap().tables {
            let written = table.write_into("").unwrap();
            assert_eq!(
                complaints(&validator, &written),
                Vec::<String>::new(),
                "{written}"
            );
        }
    }
}

#[test]
fn what_pgcleave_refuses_for_itself_is_invalid() {
    let validator = validator();
    for line in [
        "interval = \"monthly\"\ncolour = \"red\"",
        "interval = \"fortnightly\"",
        "interval = 0",
        "interval = \"0\"",
        "interval = 1.5",
        "interval = true",
        "interval = \"monthly\"\npremake = 1001",
        "interval = \"monthly\"\npremake = -1",
        "interval = \"monthly\"\npremake = \"twelve\"",
        "interval = \"monthly\"\nbatch_size = 0",
        "interval = \"monthly\"\nbatch_size = 4294967296",
        "interval = \"monthly\"\ntime_zone = \"Europe/Berln\"",
        "interval = \"monthly\"\nrunner = \"flywheel\"",
        "interval = \"monthly\"\nunique = { k = \"trigger\" }",
        "interval = \"monthly\"\nincoming = { k = \"keep\" }",
        "interval = \"monthly\"\nnull_keys = true",
        "interval = \"monthly\"\nallow = [\"everything\"]",
        "interval = \"monthly\"\nout = 5",
        "interval = \"monthly\"\n[table.sub]\nstrategy = \"hash\"\npartitions = 3",
        "interval = \"monthly\"\n[table.sub]\nkey = \"id\"\nstrategy = \"hash\"\npartitions = 3\npremake = 3",
        "bounds = [1.5]",
        "strategy = \"round_robin\"",
        "strategy = \"hash\"\npartitions = 0",
        "strategy = \"hash\"\npartitions = 4097",
        "strategy = \"list\"\nlists = { a = \"b\" }",
        "strategy = \"list\"\nlists = [\"b\"]",
    ] {
        let text = format!("{ENTRY}{line}\n");
        assert!(Spec::parse(&text).is_err(), "pgcleave reads {line}");
        assert!(
            !complaints(&validator, &text).is_empty(),
            "the schema allows {line}"
        );
    }
    for text in [
        "[table]\nname = \"a.b\"\nkey = \"c\"\ninterval = \"daily\"\n",
        "[[tables]]\nname = \"a.b\"\nkey = \"c\"\ninterval = \"daily\"\n",
        "[[table]]\nkey = \"c\"\ninterval = \"daily\"\n",
        "[[table]]\nname = \"a.b\"\ninterval = \"daily\"\n",
        "[[table]]\nname = \"a.b\"\nkey = []\ninterval = \"daily\"\n",
        "[[table]]\nname = \"a.b\"\nkey = 5\ninterval = \"daily\"\n",
    ] {
        assert!(Spec::parse(text).is_err(), "pgcleave reads {text}");
        assert!(
            !complaints(&validator, text).is_empty(),
            "the schema allows {text}"
        );
    }
}

#[test]
fn every_key_and_every_choice_is_described() {
    let schema = json_schema();
    let definitions = schema["$defs"].as_object().unwrap().values();
    let mut undescribed = Vec::new();
    for object in definitions.chain([&schema]) {
        for (key, property) in object["properties"].as_object().into_iter().flatten() {
            if property["description"].as_str().is_none_or(str::is_empty) {
                undescribed.push(key.clone());
            }
        }
        for choice in object["oneOf"].as_array().into_iter().flatten() {
            if choice["description"].as_str().is_none_or(str::is_empty) {
                undescribed.push(choice.to_string());
            }
        }
        assert!(
            object["properties"].is_null() || object["additionalProperties"] == false,
            "{object}"
        );
    }
    assert_eq!(undescribed, Vec::<String>::new());
    assert!(!schema.to_string().contains("null\""), "TOML has no null");
}
