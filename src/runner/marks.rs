//! Reading what a project says of its runner.

use std::path::{Path, PathBuf};

use super::{Found, Project, Site};

/// Versions of the files or folders that are there: what stands before the first underscore.
pub fn versions_before_underscore(site: &Site<'_>, suffix: &str) -> Vec<String> {
    versions_in(&site.entries(), suffix)
}

/// The same of a folder's names.
pub fn versions_in(names: &[String], suffix: &str) -> Vec<String> {
    let version = |name: &String| {
        let version = name.strip_suffix(suffix)?.split('_').next()?;
        version
            .starts_with(|c: char| c.is_ascii_digit())
            .then(|| version.to_owned())
    };
    names.iter().filter_map(version).collect()
}

/// The first folder that holds a file of this kind, whose text says the words; with the file.
pub fn folder_with(project: &dyn Project, folders: &[&str], suffix: &str, words: &str) -> Option<Found> {
    folders.iter().find_map(|folder| {
        let says = |file: &String| {
            let text = || project.read(&Path::new(folder).join(file));
            file.ends_with(suffix) && (words.is_empty() || text().is_some_and(|text| text.contains(words)))
        };
        let file = project.entries(Path::new(folder)).into_iter().find(says)?;
        Some(Found {
            directory: PathBuf::from(folder),
            mark: format!("{folder}/{file}"),
        })
    })
}

/// What stands in quotes behind a name in a settings file: `dir = "migrations"`, `directory: './migrations'`.
pub fn quoted_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let rest = line.trim().trim_start_matches(['"', '\'']).strip_prefix(name)?;
        let rest = rest
            .trim_start_matches(['"', '\''])
            .trim_start()
            .strip_prefix([':', '='])?
            .trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
        rest[1..].split(quote).next()
    })
}

/// A relative path without `./` before it.
pub fn relative(path: &str) -> PathBuf {
    PathBuf::from(path.trim_start_matches("./").trim_end_matches('/'))
}
