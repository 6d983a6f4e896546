//! SQL and comments in JavaScript and TypeScript.

/// A template literal that is this text.
pub fn template_literal(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('`', "\\`")
        .replace("${", "\\${");
    format!("`\n{}\n`", escaped.trim_end())
}

#[cfg(test)]
mod tests {
    use super::template_literal;

    #[test]
    fn nothing_ends_or_fills_the_literal() {
        assert_eq!(
            template_literal("a `b` ${c} \\d $$x$$"),
            "`\na \\`b\\` \\${c} \\\\d $$x$$\n`"
        );
    }
}
