//! Flyway: versioned files with a configuration beside each; the way back is not in its free edition.

use std::path::{Path, PathBuf};

use super::{
    Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment, relative,
    versions,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Flyway;

const IN_RESOURCES: &str = "src/main/resources/db/migration";

impl Runner for Flyway {
    fn name(&self) -> RunnerName {
        RunnerName::Flyway
    }

    fn usual_directory(&self) -> &'static str {
        IN_RESOURCES
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        if let Some(mark) = project.first_of(&["flyway.conf", "flyway.toml", "conf/flyway.conf"]) {
            let text = project.read(Path::new(mark)).unwrap_or_default();
            return Some(Found {
                directory: location(&text).unwrap_or_else(|| PathBuf::from("sql")),
                mark: mark.to_owned(),
            });
        }
        let folder = Path::new(IN_RESOURCES);
        let file = project
            .entries(folder)
            .into_iter()
            .find(|file| version_of(file).is_some())?;
        Some(Found {
            directory: folder.to_owned(),
            mark: folder.join(file).display().to_string(),
        })
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let existing = versions_in(site);
        let dotted = existing.iter().max_by_key(|version| numbers(version));
        let versions = match dotted.filter(|version| numbers(version).len() > 1) {
            Some(last) => after_dotted(last, steps.len()),
            None => versions::next(&existing, site.now, steps.len()),
        };
        Ok(site.places(steps, versions))
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let name = format!("V{}__{}.sql", place.version, place.name);
        let mode = match migration.up.mode {
            Mode::Transaction => "",
            Mode::SingleStatement => "executeInTransaction=false\n",
        };
        let header = comment("--", &name, self, migration);
        vec![
            Output {
                path: placement.directory.join(&name),
                text: format!("{header}\n{}", migration.up.in_runners_transaction()),
            },
            Output {
                path: placement.directory.join(format!("{name}.conf")),
                text: format!("placeholderReplacement=false\n{mode}"),
            },
        ]
    }

    fn undo(&self) -> Undo {
        Undo::Scripts
    }

    fn forget(&self, place: &Place) -> Option<String> {
        Some(format!(
            "DELETE FROM flyway_schema_history WHERE version = '{}';",
            place.version.replace('_', ".")
        ))
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "needs flyway.postgresql.transactional.lock=false (FLYWAY_POSTGRESQL_TRANSACTIONAL_LOCK): its usual lock is an idle transaction, whose snapshot the cutover waits for in vain",
        ]
    }

    /// Flyway writes a dot where a file's name has an underscore.
    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some((
            "SELECT v.version FROM {} h, LATERAL (VALUES (h.version::text), (pg_catalog.replace(h.version, '.', '_'))) v(version) WHERE h.success AND h.version IS NOT NULL",
            "flyway_schema_history",
        ))
    }

    fn command(&self) -> &'static str {
        "flyway migrate"
    }
}

/// The first folder of `flyway.locations=filesystem:sql,…`, or of TOML's list of them.
fn location(settings: &str) -> Option<PathBuf> {
    let line = settings
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("flyway.locations") || line.starts_with("locations"))?;
    let (_, value) = line.split_once('=')?;
    let first = value.split(',').next()?.trim_matches([' ', '"', '\'', '[', ']']);
    let in_classes = first.strip_prefix("classpath:");
    match in_classes {
        Some(path) => Some(PathBuf::from("src/main/resources").join(relative(path))),
        None => Some(relative(first.strip_prefix("filesystem:").unwrap_or(first))),
    }
}

/// Versions of the folder and of those in it, which Flyway reads, too.
fn versions_in(site: &Site<'_>) -> Vec<String> {
    let here = site.entries();
    let deeper = here
        .iter()
        .flat_map(|folder| site.project.entries(&site.directory.join(folder)));
    let files: Vec<String> = here.iter().cloned().chain(deeper).collect();
    files.iter().filter_map(|file| version_of(file)).collect()
}

/// Of a migration, or of a baseline, which stands for all before it.
fn version_of(file: &str) -> Option<String> {
    let (version, _) = file.strip_prefix(['V', 'B'])?.split_once("__")?;
    (!numbers(version).is_empty()).then(|| version.to_owned())
}

/// A version as Flyway compares it: numbers between dots or underscores.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split(['.', '_'])
        .map_while(|part| part.parse().ok())
        .collect()
}

/// The last component counts on, with its zeros.
fn after_dotted(last: &str, count: usize) -> Vec<String> {
    let at = last.rfind(['.', '_']).map_or(0, |at| at + 1);
    let number: u64 = last[at..].parse().unwrap_or(0);
    versions::counted(number, last.len() - at, count)
        .into_iter()
        .map(|next| format!("{}{next}", &last[..at]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_on_in_dotted_versions() {
        assert_eq!(after_dotted("5.9", 2), ["5.10", "5.11"]);
        assert_eq!(
            version_of("V2024.01.02.1__x.sql").as_deref(),
            Some("2024.01.02.1")
        );
        assert!(numbers("5.10") > numbers("5.9"));
    }

    #[test]
    fn reads_the_location() {
        assert_eq!(
            location("flyway.locations=filesystem:./db/sql"),
            Some(PathBuf::from("db/sql"))
        );
        assert_eq!(
            location("locations = [\"classpath:db/migration\"]"),
            Some(PathBuf::from("src/main/resources/db/migration"))
        );
    }
}
