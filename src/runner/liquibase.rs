//! Liquibase: a file of formatted SQL with one changeset for each step, included by the master changelog.

use std::path::{Path, PathBuf};

use super::{
    Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment,
    comment_begins, has_carriage_return, question_marks, relative, versions, versions_before_underscore,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Liquibase;

/// As old and new versions know it: `empty` is one of the newer ones'.
const NO_ROLLBACK: &str = "--rollback not required\n";
const AUTHOR: &str = "pgcleave";
const MASTERS: [&str; 5] = [
    "db.changelog-master.xml",
    "db.changelog-master.yaml",
    "db.changelog-master.yml",
    "changelog.xml",
    "changelog.yaml",
];
const FOLDERS: [&str; 4] = [
    "db/changelog",
    "src/main/resources/db/changelog",
    "changelog",
    ".",
];

/// What its formatted SQL has comments for.
const WORDS: [&str; 7] = [
    "changeset",
    "ignorelines",
    "liquibase",
    "precondition",
    "property",
    "rollback",
    "validchecksum",
];

impl Runner for Liquibase {
    fn name(&self) -> RunnerName {
        RunnerName::Liquibase
    }

    fn usual_directory(&self) -> &'static str {
        "db/changelog"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let settings = project.read(Path::new("liquibase.properties"));
        let named = settings.as_deref().and_then(changelog);
        let master = named.filter(|path| project.read(path).is_some()).or_else(|| {
            let paths = FOLDERS
                .iter()
                .flat_map(|folder| MASTERS.map(|file| Path::new(folder).join(file)));
            paths.into_iter().find(|path| project.read(path).is_some())
        });
        let mark = match (&master, &settings) {
            (_, Some(_)) => "liquibase.properties".to_owned(),
            (Some(master), None) if master.starts_with(".") => return None,
            (Some(master), None) => master.display().to_string(),
            (None, None) => return None,
        };
        let directory = master
            .as_deref()
            .and_then(Path::parent)
            .filter(|path| *path != Path::new(""));
        Some(Found {
            directory: directory.map_or_else(|| self.usual_directory().into(), Path::to_owned),
            mark,
        })
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let existing = versions_before_underscore(site, ".sql");
        Ok(site.places(steps, versions::next(&existing, site.now, steps.len())))
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let id = format!("{}_{}", place.version, place.name);
        let name = format!("{id}.sql");
        let mode = match migration.up.mode {
            Mode::Transaction => "",
            Mode::SingleStatement => " runInTransaction:false",
        };
        let up = question_marks::kept(&migration.up.in_runners_transaction());
        let text = format!(
            "--liquibase formatted sql\n{}\n--changeset {AUTHOR}:{id} splitStatements:false stripComments:false rollbackSplitStatements:false{mode}\n{up}{}",
            comment("--", &name, self, migration),
            rollback(migration),
        );
        vec![Output {
            path: placement.directory.join(&name),
            text,
        }]
    }

    fn register(
        &self,
        project: &dyn Project,
        placement: &Placement,
        outputs: &[Output],
    ) -> Result<Vec<Output>, PlaceError> {
        let masters = MASTERS.map(|file| placement.directory.join(file));
        let Some((path, mut text)) = masters
            .into_iter()
            .find_map(|path| Some((path.clone(), project.read(&path)?)))
        else {
            return Ok(Vec::new());
        };
        if text.contains("includeAll") {
            return Ok(Vec::new());
        }
        let is_xml = path.extension().is_some_and(|extension| extension == "xml");
        for output in outputs
            .iter()
            .filter(|output| output.path.starts_with(&placement.directory))
        {
            let Some(file) = output.path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if !text.contains(file) {
                text = if is_xml {
                    include_in_xml(&text, file)
                } else {
                    include_in_yaml(&text, file)
                };
            }
        }
        Ok(vec![Output { path, text }])
    }

    fn listens_to(&self, line: &str) -> bool {
        comment_begins(line, &WORDS) || has_carriage_return(line)
    }

    fn misread(&self, script: &str) -> Option<String> {
        question_marks::lost(script).map(str::to_owned)
    }

    fn undo(&self) -> Undo {
        Undo::Runner("liquibase rollback-count 1")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &["a run that is killed leaves the lock row behind: liquibase release-locks"]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some((
            "SELECT pg_catalog.split_part(id, '_', 1) FROM {} WHERE author = 'pgcleave'",
            "databasechangelog",
        ))
    }

    fn command(&self) -> &'static str {
        "liquibase update"
    }
}

/// Every line of it is a comment, so that nothing in it can end the block.
fn rollback(migration: &Migration) -> String {
    let Some(script) = migration.down.script() else {
        return NO_ROLLBACK.to_owned();
    };
    let sql = match migration.up.mode {
        Mode::Transaction => script.in_runners_transaction(),
        Mode::SingleStatement => script.as_one_statement(),
    };
    question_marks::kept(&sql)
        .lines()
        .map(|line| format!("--rollback {line}\n"))
        .collect()
}

/// `changeLogFile` of the properties.
fn changelog(settings: &str) -> Option<PathBuf> {
    settings.lines().find_map(|line| {
        let (name, value) = line.trim().split_once(['=', ':'])?;
        let is_it = name
            .trim()
            .replace(['-', '.'], "")
            .eq_ignore_ascii_case("changelogfile");
        is_it.then(|| relative(value.trim()))
    })
}

fn include_in_xml(text: &str, file: &str) -> String {
    let include = format!("    <include file=\"{file}\" relativeToChangelogFile=\"true\"/>\n");
    match text.rfind("</databaseChangeLog>") {
        Some(end) => format!("{}{include}{}", &text[..end], &text[end..]),
        None => text.to_owned(),
    }
}

fn include_in_yaml(text: &str, file: &str) -> String {
    let indent: String = text
        .lines()
        .find(|line| line.trim_start().starts_with("- "))
        .map_or("  ", |line| &line[..line.len() - line.trim_start().len()])
        .to_owned();
    let include =
        format!("{indent}- include:\n{indent}    file: {file}\n{indent}    relativeToChangelogFile: true\n");
    format!("{}\n{include}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_behind_the_last() {
        let xml = include_in_xml("<databaseChangeLog>\n    <x/>\n</databaseChangeLog>\n", "a.sql");
        assert!(xml.contains("<x/>\n    <include file=\"a.sql\""), "{xml}");
        let yaml = include_in_yaml("databaseChangeLog:\n- include:\n    file: x\n", "a.sql");
        assert!(
            yaml.ends_with("file: x\n- include:\n    file: a.sql\n    relativeToChangelogFile: true\n"),
            "{yaml}"
        );
    }

    #[test]
    fn reads_the_changelogs_name() {
        assert_eq!(
            changelog("url=x\nchangeLogFile=db/a.xml\n"),
            Some(PathBuf::from("db/a.xml"))
        );
        assert_eq!(
            changelog("changelog-file: db/a.xml"),
            Some(PathBuf::from("db/a.xml"))
        );
    }
}
