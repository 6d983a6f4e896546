//! Liquibase's changelogs in XML and YAML: what they include, and how they are made to include more.

use std::path::{Path, PathBuf};

use super::{relative, with_lines};

/// Includes a folder's files by their names.
pub const INCLUDE_ALL: &str = "includeAll";
const END: &str = "</databaseChangeLog>";

/// A file that a changelog includes.
pub struct Include {
    pub path: String,
    /// The path begins where the changelog is.
    pub is_beside: bool,
}

/// How a changelog is written.
#[derive(Clone, Copy)]
pub enum Form {
    Xml,
    Yaml,
}

impl Form {
    /// `None` where nothing can be added.
    pub fn of(path: &Path, text: &str) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        if extension == "xml" {
            return text.contains(END).then_some(Self::Xml);
        }
        let is_yaml = ["yaml", "yml"].contains(&extension);
        (is_yaml && ends_with_list(text)).then_some(Self::Yaml)
    }

    /// The text with the file included behind all others.
    pub fn with(self, text: &str, file: &Include) -> String {
        match self {
            Self::Xml => {
                let at = text.rfind(END).unwrap_or(text.len());
                let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
                let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
                let is_alone = text[line..at].trim().is_empty();
                let (at, begin) = if is_alone { (line, "") } else { (at, end) };
                format!("{}{begin}    {}{end}{}", &text[..at], xml(file), &text[at..])
            }
            Self::Yaml => with_lines(text, &yaml(file, indent(text))),
        }
    }

    /// The text without what [`Form::with`] has added.
    pub fn without(self, text: &str, file: &Include) -> String {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let ours = match self {
            Self::Xml => vec![xml(file)],
            Self::Yaml => yaml(file, ""),
        };
        let is_there = |at: usize| {
            let found = lines[at..].iter().map(|line| line.trim());
            found.take(ours.len()).eq(ours.iter().map(|line| line.trim()))
        };
        match (0..lines.len()).find(|at| is_there(*at)) {
            Some(at) => [&lines[..at], &lines[at + ours.len()..]].concat().concat(),
            None => text.to_owned(),
        }
    }
}

/// The folder that a changelog includes whole.
pub fn included_folder(text: &str, beside: &Path) -> Option<PathBuf> {
    let (_, rest) = text.split_once(INCLUDE_ALL)?;
    let element = rest.split("include").next()?;
    let value = |name: &str| {
        let value = element
            .split_once(name)?
            .1
            .trim_start_matches([' ', ':', '=', '"', '\'']);
        value
            .split(['"', '\'', '\r', '\n', ',', '>', '}'])
            .next()
            .map(str::trim)
    };
    let path = relative(value("path")?);
    let is_beside = value("relativeToChangelogFile") == Some("true");
    Some(if is_beside { beside.join(path) } else { path })
}

/// Whether the changes are a block list that goes on to the text's end.
fn ends_with_list(text: &str) -> bool {
    let mut lines = text
        .lines()
        .skip_while(|line| line.trim_end() != "databaseChangeLog:");
    let is_within = |line: &str| line.trim().is_empty() || line.starts_with([' ', '-', '#']);
    lines.next().is_some() && lines.all(is_within)
}

/// As deep as the list's first entry.
fn indent(text: &str) -> &str {
    let entry = text.lines().find(|line| line.trim_start().starts_with("- "));
    entry.map_or("  ", |line| &line[..line.len() - line.trim_start().len()])
}

fn xml(file: &Include) -> String {
    let beside = if file.is_beside {
        " relativeToChangelogFile=\"true\""
    } else {
        ""
    };
    format!("<include file=\"{}\"{beside}/>", file.path)
}

fn yaml(file: &Include, indent: &str) -> Vec<String> {
    let mut lines = vec![
        format!("{indent}- include:"),
        format!("{indent}    file: {}", file.path),
    ];
    if file.is_beside {
        lines.push(format!("{indent}    relativeToChangelogFile: true"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(path: &str) -> Include {
        Include {
            path: path.to_owned(),
            is_beside: true,
        }
    }

    #[test]
    fn what_is_added_can_be_taken_away() {
        for (form, text) in [
            (
                Form::Xml,
                "<databaseChangeLog>\n    <x/>\n  </databaseChangeLog>\n",
            ),
            (Form::Xml, "<databaseChangeLog></databaseChangeLog>"),
            (Form::Yaml, "databaseChangeLog:\n- include:\n    file: x\n"),
            (Form::Yaml, "databaseChangeLog:\r\n"),
        ] {
            let added = form.with(&form.with(text, &beside("a.sql")), &beside("b.sql"));
            assert!(added.find("a.sql") < added.find("b.sql"), "{added}");
            let left = form.without(&form.without(&added, &beside("b.sql")), &beside("a.sql"));
            assert_eq!(
                left.replace(">\n</", "></"),
                text.replace(">\n</", "></"),
                "{added}"
            );
        }
    }

    #[test]
    fn reads_which_folder_is_included() {
        let folder = |text| included_folder(text, Path::new("db"));
        let xml = "<includeAll path=\"./changes/\" relativeToChangelogFile=\"true\"/>";
        assert_eq!(folder(xml), Some(PathBuf::from("db/changes")));
        let yaml = "- includeAll:\n    path: db/sql\n- include:\n    relativeToChangelogFile: true\n";
        assert_eq!(folder(yaml), Some(PathBuf::from("db/sql")));
        assert_eq!(folder("<include file=\"x\"/>"), None);
    }

    #[test]
    fn knows_where_nothing_can_be_added() {
        let of = |path: &str, text: &str| Form::of(Path::new(path), text).is_some();
        assert!(of("a.yaml", "# x\ndatabaseChangeLog:\n  - include:\n\n# y\n"));
        assert!(!of("a.yaml", "databaseChangeLog: []\n"));
        assert!(!of("a.yaml", "databaseChangeLog:\n  - x\nother:\n"));
        assert!(!of("a.xml", "<databaseChangeLog/>"));
        assert!(!of("a.sql", "--liquibase formatted sql"));
    }
}
