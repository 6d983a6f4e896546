//! Liquibase: a file of formatted SQL with one changeset for each step, included by the master changelog.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::changelog::{Form, INCLUDE_ALL, Include, included_folder};
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
/// Name in `style` of the changelog that includes the others.
const MASTER: &str = "master";
const MASTERS: [&str; 7] = [
    "db.changelog-master.xml",
    "db.changelog-master.yaml",
    "db.changelog-master.yml",
    "db.changelog-master.json",
    "db.changelog-master.sql",
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
        let settings = project.first_of(&["liquibase.properties"]);
        let master = master(project);
        let mark = match (&master, settings) {
            (_, Some(settings)) => settings.to_owned(),
            (Some(master), None) if master.starts_with(".") => return None,
            (Some(master), None) => master.display().to_string(),
            (None, None) => return None,
        };
        let directory = master.map(|master| {
            let beside = master.parent().unwrap_or(Path::new("")).to_owned();
            let text = project.read(&master).unwrap_or_default();
            included_folder(&text, &beside).unwrap_or(beside)
        });
        let directory = directory.filter(|path| path != Path::new(""));
        Some(Found {
            directory: directory.unwrap_or_else(|| self.usual_directory().into()),
            mark,
        })
    }

    fn style(
        &self,
        project: &dyn Project,
        _directory: &Path,
    ) -> Result<BTreeMap<String, String>, PlaceError> {
        let master = master(project).map(|path| (MASTER.to_owned(), path.display().to_string()));
        Ok(master.into_iter().collect())
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
        let path = PathBuf::from(placement.style(MASTER));
        let Some(text) = project.read(&path) else {
            return Ok(Vec::new());
        };
        if text.contains(INCLUDE_ALL) {
            return Ok(Vec::new());
        }
        let form = Form::of(&path, &text).ok_or_else(|| PlaceError {
            cause: format!("{} can't be made to include the new files", path.display()),
            remedy: "let it include their folder whole (includeAll), in XML or YAML".to_owned(),
        })?;
        let files = included(placement, outputs.iter().map(|output| output.path.as_path()));
        let missing: Vec<Include> = files
            .into_iter()
            .filter(|file| !text.contains(&file.path))
            .collect();
        let text = missing.iter().fold(text, |text, file| form.with(&text, file));
        Ok(vec![Output { path, text }])
    }

    fn unregister(&self, project: &dyn Project, gone: &Placement) -> Result<Vec<Output>, PlaceError> {
        let path = PathBuf::from(gone.style(MASTER));
        let Some(text) = project.read(&path) else {
            return Ok(Vec::new());
        };
        let Some(form) = Form::of(&path, &text) else {
            return Ok(Vec::new());
        };
        let files = included(gone, gone.files.iter().map(PathBuf::as_path));
        let text = files.iter().fold(text, |text, file| form.without(&text, file));
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

/// The changelog that the properties name, or one where it usually is.
fn master(project: &dyn Project) -> Option<PathBuf> {
    let settings = project.read(Path::new("liquibase.properties"));
    let named = settings.as_deref().and_then(changelog);
    let in_resources = named
        .as_deref()
        .map(|path| Path::new("src/main/resources").join(path));
    let usual = (FOLDERS.iter()).flat_map(|folder| MASTERS.map(|file| Path::new(folder).join(file)));
    let mut paths = named.into_iter().chain(in_resources).chain(usual);
    paths.find(|path| project.read(path).is_some())
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

/// The formatted SQL files among these paths, as the master names them.
fn included<'a>(placement: &Placement, paths: impl Iterator<Item = &'a Path>) -> Vec<Include> {
    let master = Path::new(placement.style(MASTER));
    let beside = master.parent().unwrap_or(Path::new(""));
    let ours = paths.filter(|path| path.starts_with(&placement.directory));
    let include = |path: &Path| match path.strip_prefix(beside) {
        Ok(path) => Include {
            path: path.display().to_string(),
            is_beside: true,
        },
        Err(_) => Include {
            path: path.display().to_string(),
            is_beside: false,
        },
    };
    ours.map(include).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
