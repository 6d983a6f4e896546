//! Alembic: a Python file for each revision, which names the one before it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{
    Down, Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Script, Site, Undo,
    comment, has_carriage_return, python, relative,
};
use crate::migration::{Mode, checksum};
use crate::plan::Step;
use crate::spec::RunnerName;
use crate::sql::statements;

pub struct Alembic;

const TEMPLATE: &str = "file_template";
const USUAL_TEMPLATE: &str = "%(rev)s_%(slug)s";

impl Runner for Alembic {
    fn name(&self) -> RunnerName {
        RunnerName::Alembic
    }

    fn usual_directory(&self) -> &'static str {
        "alembic/versions"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let (mark, settings) = settings(project)?;
        let versions =
            setting(&settings, "version_locations").filter(|value| !value.contains([' ', ',', '[']));
        let script = setting(&settings, "script_location").unwrap_or_else(|| "alembic".to_owned());
        let directory = match versions {
            Some(versions) => here(&versions),
            None => here(&script).join("versions"),
        };
        Some(Found { directory, mark })
    }

    fn style(
        &self,
        project: &dyn Project,
        _directory: &Path,
    ) -> Result<BTreeMap<String, String>, PlaceError> {
        let (_, settings) = settings(project).unwrap_or_default();
        let template = setting(&settings, TEMPLATE).map(|template| template.replace("%%", "%"));
        Ok(template
            .map(|template| (TEMPLATE.to_owned(), template))
            .into_iter()
            .collect())
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let mut before = head(site)?;
        let template = site.style.get(TEMPLATE).map_or(USUAL_TEMPLATE, String::as_str);
        let mut places = Vec::new();
        for step in steps {
            let seed = format!(
                "{} {} {:?}",
                site.name(*step),
                site.now.timestamp_micros(),
                before
            );
            let version = checksum(&seed)[..12].to_owned();
            places.push(Place {
                step: step.stem().to_owned(),
                name: file_stem(template, &version, &site.name(*step), site),
                after: before.replace(version.clone()),
                version,
            });
        }
        Ok(places)
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let name = format!("{}.py", place.name);
        let revises = place.after.as_deref();
        let down_revision = revises.map_or_else(|| "None".to_owned(), |after| format!("'{after}'"));
        let upgrade = body(&migration.up);
        let downgrade = match &migration.down {
            Down::Nothing => "    pass  # there is nothing to undo\n".to_owned(),
            other => other.script().map_or_else(String::new, |script| body(&script)),
        };
        let uses_ddl = [&upgrade, &downgrade]
            .iter()
            .any(|body| body.contains("op.execute(DDL("));
        let ddl = if uses_ddl {
            "from sqlalchemy import DDL\n"
        } else {
            ""
        };
        let text = format!(
            "{}\n\"\"\"{}\n\nRevision ID: {}\nRevises: {}\n\n\"\"\"\nfrom alembic import op\n{ddl}\nrevision = '{}'\ndown_revision = {down_revision}\nbranch_labels = None\ndepends_on = None\n\n\ndef upgrade():\n{upgrade}\n\ndef downgrade():\n{downgrade}",
            comment("#", &name, self, migration),
            migration.title,
            place.version,
            revises.unwrap_or_default(),
            place.version,
        );
        vec![Output {
            path: placement.directory.join(&name),
            text,
        }]
    }

    fn listens_to(&self, line: &str) -> bool {
        has_carriage_return(line)
    }

    fn undo(&self) -> Undo {
        Undo::Runner("alembic downgrade -1")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "commits what came before when one of these begins, so that no lock of theirs is held while the next of them runs; what comes behind the last one runs in its transaction, unless env.py says transaction_per_migration=True",
            "takes no lock: let one process run the migrations, once",
        ]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some(("SELECT version_num::text FROM {}", "alembic_version"))
    }

    /// The noted revisions and all that they come after.
    fn all_that_ran(&self, project: &dyn Project, directory: &Path, noted: &[String]) -> Vec<String> {
        let revisions = revisions(project, directory);
        let mut ran = noted.to_owned();
        let mut at = 0;
        while let Some(version) = ran.get(at) {
            let before = revisions.iter().filter(|r| r.names.contains(version));
            let before: Vec<String> = before.flat_map(|r| r.after.clone()).collect();
            ran.extend(
                before
                    .into_iter()
                    .filter(|version| !ran.contains(version))
                    .collect::<Vec<_>>(),
            );
            at += 1;
        }
        ran
    }

    fn command(&self) -> &'static str {
        "alembic upgrade head"
    }
}

/// The settings file and its text.
fn settings(project: &dyn Project) -> Option<(String, String)> {
    if let Some(text) = project.read(Path::new("alembic.ini")) {
        return Some(("alembic.ini".to_owned(), text));
    }
    let text = project.read(Path::new("pyproject.toml"))?;
    let (_, section) = text.split_once("[tool.alembic]")?;
    Some(("pyproject.toml".to_owned(), section.to_owned()))
}

/// A setting of an ini or a TOML file; comments are none.
fn setting(settings: &str, name: &str) -> Option<String> {
    settings.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.trim_start().strip_prefix('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    })
}

fn here(path: &str) -> PathBuf {
    let path = path.replace("%%", "%");
    relative(path.trim_start_matches("%(here)s").trim_start_matches('/'))
}

/// What a file of the folder says.
struct Revision {
    /// One, unless the file isn't understood.
    names: Vec<String>,
    /// Those that must have run before.
    after: Vec<String>,
}

fn revisions(project: &dyn Project, directory: &Path) -> Vec<Revision> {
    let files = project.entries(directory).into_iter();
    let revision = |file: String| {
        let source = project.read(&directory.join(file)).unwrap_or_default();
        let mut after = python::assigned(&source, "down_revision");
        after.extend(python::assigned(&source, "depends_on"));
        Revision {
            names: python::assigned(&source, "revision"),
            after,
        }
    };
    files.filter(|file| file.ends_with(".py")).map(revision).collect()
}

/// The revision that no other one comes after; `None` in an empty folder.
fn head(site: &Site<'_>) -> Result<Option<String>, PlaceError> {
    let mut heads = BTreeSet::new();
    let mut followed = BTreeSet::new();
    for revision in revisions(site.project, site.directory) {
        heads.extend(revision.names);
        followed.extend(revision.after);
    }
    let mut heads = heads.difference(&followed).cloned();
    let head = heads.next();
    let others: Vec<String> = heads.collect();
    if others.is_empty() {
        return Ok(head);
    }
    Err(PlaceError {
        cause: format!(
            "{} has several heads: {}, {}",
            site.directory.display(),
            head.unwrap_or_default(),
            others.join(", ")
        ),
        remedy: "merge them first: alembic merge heads".to_owned(),
    })
}

/// The file's name by the project's template, in which only a slug's first 40 characters stand.
fn file_stem(template: &str, revision: &str, slug: &str, site: &Site<'_>) -> String {
    let slug: String = slug.chars().take(40).collect();
    let mut name = template.replace("%(rev)s", revision).replace("%(slug)s", &slug);
    let times = [
        ("year", "%Y", "%Y"),
        ("month", "%-m", "%m"),
        ("day", "%-d", "%d"),
        ("hour", "%-H", "%H"),
        ("minute", "%-M", "%M"),
        ("second", "%-S", "%S"),
        ("epoch", "%s", "%s"),
    ];
    for (field, plain, padded) in times {
        let plain = site.now.format(plain).to_string();
        name = name
            .replace(&format!("%({field})s"), &plain)
            .replace(&format!("%({field})d"), &plain);
        name = name.replace(&format!("%({field}).2d"), &site.now.format(padded).to_string());
        name = name.replace(&format!("%({field}).4d"), &plain);
    }
    name
}

/// A function's body: one statement a call, as some drivers prepare each.
fn body(script: &Script) -> String {
    let block = "    with op.get_context().autocommit_block():\n";
    match script.mode {
        Mode::Transaction => {
            let calls: String = calls(&script.in_runners_transaction(), "    ");
            format!(
                "    # Commits what came before: no lock of another migration is held while this one runs.\n{block}        pass\n{calls}"
            )
        }
        Mode::SingleStatement => format!("{block}{}", calls(&script.in_runners_transaction(), "        ")),
    }
}

fn calls(sql: &str, indent: &str) -> String {
    statements(sql)
        .iter()
        .map(|statement| format!("{indent}op.execute({})\n", argument(statement)))
        .collect()
}

/// SQLAlchemy takes `:name` in a string for a parameter, and its escape differs by version and by what stands around
/// it (`[[:alpha:]]` has none). A DDL object knows no parameters, but formats by `%`.
fn argument(statement: &str) -> String {
    let characters: Vec<char> = statement.chars().collect();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let looks_like_one = |around: &[char]| {
        let [before, colon, after] = [around[0], around[1], around[2]];
        colon == ':' && (before == '\\' || (before != ':' && is_word(after)))
    };
    let has_parameter = characters.windows(3).any(looks_like_one);
    match has_parameter {
        true => format!("DDL({})", python::string(&statement.replace('%', "%%"))),
        false => python::string(statement),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_parameter_is_none() {
        for plain in ["SELECT a::text, '%'", "a := b", "SELECT ': '"] {
            assert_eq!(argument(plain), format!("r'''\n{plain}\n'''"));
        }
        for ddl in ["SELECT '[[:alpha:]]'", "'$:x'", "':a:b'", "'\\: x'"] {
            assert_eq!(argument(ddl), format!("DDL(r'''\n{ddl}\n''')"));
        }
        assert_eq!(argument("':a %'"), "DDL(r'''\n':a %%'\n''')");
    }

    #[test]
    fn reads_settings_of_both_forms() {
        assert_eq!(
            setting(
                "# script_location = x\nscript_location = %(here)s/db\n",
                "script_location"
            )
            .as_deref(),
            Some("%(here)s/db")
        );
        assert_eq!(here("%(here)s/db"), PathBuf::from("db"));
        assert_eq!(
            setting("script_location = \"db\"", "script_location").as_deref(),
            Some("db")
        );
    }
}
