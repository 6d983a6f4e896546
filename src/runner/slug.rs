//! Readable names that every runner accepts: lower-case letters, digits and underscores.

use crate::migration::checksum;
use crate::sql::QualifiedName;

/// Longest slug of a table; a step's stem is written behind it.
const LONGEST: usize = 30;

/// `events` for `public.events`. Another schema's name stands before it, and a hash behind it where letters are lost
/// or another table could be called so, so that two tables never share one.
pub fn of_table(table: &QualifiedName) -> String {
    let (schema, name) = (table.schema.as_str(), table.name.as_str());
    if schema == "public" && says_it(name) {
        return name.to_owned();
    }
    let prefix = if schema == "public" { "" } else { schema };
    let slug = simplified(&format!("{prefix}_{name}"));
    let hash = &checksum(&table.to_string())[..6];
    let kept: String = slug.chars().take(LONGEST - 9).collect();
    format!("t_{kept}_{hash}").replace("__", "_")
}

fn says_it(name: &str) -> bool {
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    begins_well && name.len() <= LONGEST && simplified(name) == name
}

fn simplified(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with('_') {
            slug.push('_');
        }
    }
    slug.trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(text: &str) -> String {
        let (schema, name) = QualifiedName::parse(text).unwrap();
        of_table(&QualifiedName::new(schema.unwrap(), name))
    }

    #[test]
    fn says_the_table_where_it_can() {
        assert_eq!(slug("public.events"), "events");
        let in_schema = slug("audit.events");
        assert!(in_schema.starts_with("t_audit_events_"), "{in_schema}");
    }

    #[test]
    fn hostile_names_become_harmless_and_stay_apart() {
        let (a, b) = (
            slug("public.\"we\"\"ird; drop\""),
            slug("public.\"we'ird; drop\""),
        );
        assert!(a.starts_with("t_we_ird_drop_"), "{a}");
        assert_ne!(a, b);
        assert!(slug("public.\"日本\"").starts_with("t_"));
        assert!(slug("public.\"Events\"") != slug("public.events"));
        assert!(slug(&format!("public.\"{}\"", "x".repeat(63))).len() <= 30);
    }
}
