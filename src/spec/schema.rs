//! JSON Schema of `pgcleave.toml`, made from its types, for editors and other programs.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::Spec;
use crate::model::Interval;
use crate::plan::Step;

/// JSON Schema (draft 2020-12) of `pgcleave.toml`.
///
/// It knows keys, types, choices and ranges; what fits together, only [`Spec::parse`] knows.
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(AsTomlHasIt);
    settings.into_generator().into_root_schema_for::<Spec>().into()
}

/// TOML has no null, and JSON Schema no names for the widths of integers.
#[derive(Debug, Clone)]
struct AsTomlHasIt;

impl Transform for AsTomlHasIt {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else {
            return;
        };
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|t| t != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".into(), only);
            }
        }
        if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
            choices.retain(|choice| choice["type"] != "null");
            if let [Value::Object(only)] = choices.as_slice() {
                let only = only.clone();
                object.remove("anyOf");
                object.extend(only);
            }
        }
        match object.remove("format") {
            Some(width) if width == "uint32" => {
                object.entry("maximum").or_insert(u32::MAX.into());
            }
            Some(width) if width == "int64" => {}
            Some(other) => drop(object.insert("format".into(), other)),
            None => {}
        }
    }
}

/// The names of the time zones, IANA's.
pub(super) fn time_zones(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
    json_schema!({ "title": "an IANA time zone", "type": "string", "enum": names })
}

/// The names of the steps.
pub(super) fn steps(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Step::ALL.map(Step::stem) })
}

impl JsonSchema for Interval {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Interval".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The width of a partition.",
            "anyOf": [
                {
                    "description": "Calendar units, on a date or time key.",
                    "type": "string",
                    "enum": Self::CALENDAR.map(|interval| interval.to_string()),
                },
                {
                    "description": "A step, on a whole number.",
                    "type": "integer",
                    "minimum": 1,
                },
                {
                    "description": "A step whose digits are grouped, such as 1_000_000.",
                    "type": "string",
                    "pattern": "^[0-9_]*[1-9][0-9_]*$",
                },
            ],
        })
    }
}
