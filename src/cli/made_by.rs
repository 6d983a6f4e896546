//! Which version of pgcleave wrote a file: its header says so.

/// What stands before the version in a header's line, and behind it.
const BEFORE: &str = "Made by: pgcleave ";
const BEHIND: &str = ", fingerprint ";

/// This program's version.
pub const THIS: &str = env!("CARGO_PKG_VERSION");

/// The version that a file's header names.
pub fn version_of(text: &str) -> Option<&str> {
    text.lines().find_map(version_in)
}

/// The text as this version would have written it, if versions differ in nothing but the name that they give themselves.
pub fn as_by_this(text: &str) -> String {
    let line = |line: &str| match version_in(line) {
        Some(version) => {
            let named = |version: &str| format!("{BEFORE}{version}{BEHIND}");
            line.replacen(&named(version), &named(THIS), 1)
        }
        None => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn version_in(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(BEFORE)?;
    let (version, _) = rest.split_once(BEHIND)?;
    let is_version = |c: char| c.is_ascii_alphanumeric() || ".+-".contains(c);
    (!version.is_empty() && version.chars().all(is_version)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_is_taken_for_another() {
        let header = "-- 0001_a.up.sql: A\n-- Made by: pgcleave 9.8.7-rc.1, fingerprint abc\n\nSELECT 1;\n";
        assert_eq!(version_of(header), Some("9.8.7-rc.1"));
        assert_eq!(as_by_this(header), header.replace("9.8.7-rc.1", THIS));
        for kept in [
            "-- Made by: pgcleave 1.0; DROP TABLE x, fingerprint abc",
            "-- Made by: somebody else",
            "no header\r\nat all",
        ] {
            assert_eq!((version_of(kept), as_by_this(kept).as_str()), (None, kept));
        }
    }

    #[test]
    fn knows_the_headers_of_the_committed_example() {
        let example = include_str!("../../migrations_out/public.events/0004_run_batch_copy.up.sql");
        assert_eq!(version_of(example), Some(THIS));
    }
}
