//! What may stand at a place of `pgcleave.toml`, in words, as its JSON Schema says it.

use serde_json::Value;

use super::key_path::KeyOrPosition;
use super::schema::json_schema;

/// As many as a sentence can list.
const LISTABLE: usize = 20;

/// The schema of one place, beside that of the whole file, which it refers to.
pub struct Expected {
    whole: Value,
    /// JSON pointer into the whole.
    here: String,
}

impl Expected {
    /// `None` where nothing may stand.
    pub fn at(places: &[KeyOrPosition]) -> Option<Self> {
        let mut expected = Self {
            whole: json_schema(),
            here: String::new(),
        };
        for place in places {
            let inner = match place {
                KeyOrPosition::Position(_) => "/items".to_owned(),
                KeyOrPosition::Key(key) if expected.keys().contains(&key.as_str()) => {
                    format!("/properties/{key}")
                }
                KeyOrPosition::Key(_) => "/additionalProperties".to_owned(),
            };
            let here = format!("{}{inner}", expected.resolved(&expected.here));
            expected
                .whole
                .pointer(&here)
                .filter(|schema| schema.is_object())?;
            expected.here = here;
        }
        Some(expected)
    }

    /// The keys that a table may have here; none where it may have any.
    pub fn keys(&self) -> Vec<&str> {
        let properties = self.schema(&self.here)["properties"].as_object();
        properties
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
            .collect()
    }

    /// The keys that it must have.
    pub fn required(&self) -> Vec<&str> {
        let required = self.schema(&self.here)["required"].as_array();
        required.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The texts that are possible, where they are listed.
    pub fn choices(&self) -> Vec<&str> {
        self.choices_of(&self.here)
    }

    /// What is possible: `a whole number from 0 to 1000`.
    pub fn words(&self) -> String {
        self.words_of(&self.here)
    }

    /// Follows a reference.
    fn resolved(&self, at: &str) -> String {
        let reference = self.whole.pointer(at).and_then(|schema| schema["$ref"].as_str());
        reference.map_or(at, |r| r.trim_start_matches('#')).to_owned()
    }

    fn schema(&self, at: &str) -> &Value {
        self.whole.pointer(&self.resolved(at)).unwrap_or(&Value::Null)
    }

    /// Pointers to those of which one must hold.
    fn alternatives(&self, at: &str) -> Vec<String> {
        let at = self.resolved(at);
        let number = self.schema(&at)["anyOf"].as_array().map_or(0, Vec::len);
        (0..number).map(|n| format!("{at}/anyOf/{n}")).collect()
    }

    fn choices_of(&self, at: &str) -> Vec<&str> {
        let schema = self.schema(at);
        let listed = schema["enum"].as_array().into_iter().flatten();
        let described = schema["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|choice| &choice["const"]);
        let own = listed.chain(described).filter_map(Value::as_str);
        own.chain(self.alternatives(at).iter().flat_map(|at| self.choices_of(at)))
            .collect()
    }

    fn words_of(&self, at: &str) -> String {
        let schema = self.schema(at);
        let alternatives = self.alternatives(at);
        if !alternatives.is_empty() {
            // What is written after a pattern is a number that TOML has no notation for.
            let plain = alternatives
                .iter()
                .filter(|at| self.schema(at)["pattern"].is_null());
            return plain.map(|at| self.words_of(at)).collect::<Vec<_>>().join(" or ");
        }
        let choices = self.choices_of(at);
        match (choices.as_slice(), schema["type"].as_str()) {
            ([], Some("integer")) => whole_number(&schema["minimum"], &schema["maximum"]),
            ([], Some("boolean")) => "true or false".to_owned(),
            ([], Some("array")) => format!(
                "a list, each {}",
                self.words_of(&format!("{}/items", self.resolved(at)))
            ),
            ([], Some("object")) => "a table".to_owned(),
            ([], _) => "a text".to_owned(),
            ([only], _) => format!("{only:?}"),
            (many, _) if many.len() > LISTABLE => {
                schema["title"].as_str().unwrap_or("a known name").to_owned()
            }
            (many, _) => format!("one of {}", many.join(", ")),
        }
    }
}

fn whole_number(minimum: &Value, maximum: &Value) -> String {
    match (minimum, maximum) {
        (Value::Null, Value::Null) => "a whole number".to_owned(),
        (minimum, Value::Null) => format!("a whole number from {minimum}"),
        (Value::Null, maximum) => format!("a whole number up to {maximum}"),
        (minimum, maximum) => format!("a whole number from {minimum} to {maximum}"),
    }
}

/// The one that was probably meant.
pub fn similar<'a>(typed: &str, possible: &[&'a str]) -> Option<&'a str> {
    let distance = |name: &str| strsim::damerau_levenshtein(&typed.to_lowercase(), &name.to_lowercase());
    let nearest = possible.iter().min_by_key(|name| distance(name))?;
    (distance(nearest) <= 1 + typed.chars().count() / 4).then_some(nearest)
}
