//! SQL in Python.

/// A raw string where that can hold the text, else one with escapes.
pub fn string(text: &str) -> String {
    if text.contains("'''") {
        let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
        return format!("'''\n{escaped}\n'''");
    }
    format!("r'''\n{text}\n'''")
}

/// The strings that a file assigns to a name: `down_revision = 'a'`, `down_revision: Union[…] = ('a', 'b')`.
pub fn assigned(source: &str, name: &str) -> Vec<String> {
    let mut lines = source.lines();
    let Some(line) = lines.find(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.trim_start().starts_with(['=', ':']))
    }) else {
        return Vec::new();
    };
    let mut value = line.split_once('=').map_or("", |(_, value)| value).to_owned();
    // A tuple may go on over the next lines.
    while value.matches('(').count() > value.matches(')').count() {
        match lines.next() {
            Some(more) => value.push_str(more),
            None => break,
        }
    }
    quoted(&value)
}

/// Everything in quotes, up to a comment.
pub fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '"', '#']) {
        let quote = rest[at..].chars().next().unwrap_or('#');
        if quote == '#' {
            break;
        }
        let Some(length) = rest[at + 1..].find(quote) else {
            break;
        };
        found.push(rest[at + 1..at + 1 + length].to_owned());
        rest = &rest[at + length + 2..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_where_it_should() {
        assert_eq!(string("a\\'b"), "r'''\na\\'b\n'''");
        assert_eq!(string("a'''\\b"), "'''\na\\'\\'\\'\\\\b\n'''");
    }

    #[test]
    fn reads_what_is_assigned() {
        let source = "revision: str = 'b'  # 'not'\ndown_revision = (\n    \"a\",\n    'c',\n)\nbranch_labels = None\n";
        assert_eq!(assigned(source, "revision"), ["b"]);
        assert_eq!(assigned(source, "down_revision"), ["a", "c"]);
        assert!(assigned(source, "branch_labels").is_empty());
    }
}
