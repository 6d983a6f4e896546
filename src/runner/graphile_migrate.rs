//! graphile-migrate: committed files, each with the hash of the one before it; there is no way back.

use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use super::{
    Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment, versions,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct GraphileMigrate;

/// Replaced wherever they stand. A project may have others of its own.
const PLACEHOLDERS: [&str; 2] = [":DATABASE_NAME", ":DATABASE_OWNER"];

impl Runner for GraphileMigrate {
    fn name(&self) -> RunnerName {
        RunnerName::GraphileMigrate
    }

    fn usual_directory(&self) -> &'static str {
        "migrations/committed"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let mark = project.first_of(&[".gmrc", ".gmrc.js", ".gmrc.cjs", ".gmrc.mjs"])?;
        Some(Found {
            directory: self.usual_directory().into(),
            mark: mark.to_owned(),
        })
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let committed = committed(site.project, site.directory, &[]);
        let after = last_hash(&committed)?;
        let first = committed.last().map_or(0, |file| file.number);
        let mut places = site.places(steps, versions::counted(first, 6, steps.len()));
        for place in &mut places {
            place.name = place.name.replace('_', "-");
        }
        if let Some(first) = places.first_mut() {
            first.after = after;
        }
        Ok(places)
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        before: &[Output],
    ) -> Vec<Output> {
        let name = format!("{}-{}.sql", place.version, place.name);
        let mode = match migration.up.mode {
            Mode::Transaction => "",
            Mode::SingleStatement => "--! no-transaction\n",
        };
        let body = format!(
            "{mode}{}\n{}",
            comment("--", &name, self, migration),
            migration.up.in_runners_transaction()
        );
        let own = before.last().and_then(|output| header(&output.text, "Hash"));
        let previous = match follows_ours(placement, place) {
            true => own,
            false => place.after.as_deref(),
        };
        let hash = hash(previous, &body);
        let previous = previous.unwrap_or("-");
        vec![Output {
            path: placement.directory.join(&name),
            text: format!(
                "--! Previous: {previous}\n--! Hash: {hash}\n--! Message: {}\n\n{}\n",
                place.name,
                body.trim()
            ),
        }]
    }

    /// There is no such file, but others' may follow ours, whose hashes can't change then.
    fn register(
        &self,
        project: &dyn Project,
        placement: &Placement,
        outputs: &[Output],
    ) -> Result<Vec<Output>, PlaceError> {
        last_hash(&committed(project, &placement.directory, outputs))?;
        Ok(Vec::new())
    }

    fn listens_to(&self, line: &str) -> bool {
        line.trim_start().starts_with("--!")
    }

    fn misread(&self, script: &str) -> Option<String> {
        let placeholder = PLACEHOLDERS.into_iter().find(|name| script.contains(name))?;
        Some(format!("{placeholder}, which it replaces"))
    }

    fn undo(&self) -> Undo {
        Undo::Scripts
    }

    /// The history names a file by its number alone.
    fn forget(&self, place: &Place) -> Option<String> {
        Some(format!(
            "DELETE FROM graphile_migrate.migrations WHERE filename = '{}.sql';",
            place.version
        ))
    }

    fn remarks(&self) -> &'static [&'static str] {
        &["graphile-migrate commit and reset run everything on the shadow database, too"]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some((
            "SELECT pg_catalog.split_part(filename, '.', 1) FROM {}",
            "graphile_migrate.migrations",
        ))
    }

    fn command(&self) -> &'static str {
        "graphile-migrate migrate"
    }
}

/// Where somebody else's stands between two sets of ours, a number is left out: then the place says what comes before.
fn follows_ours(placement: &Placement, place: &Place) -> bool {
    let counted = |place: &Place| place.version.parse::<u64>().unwrap_or(0);
    placement
        .steps
        .iter()
        .any(|other| counted(other) + 1 == counted(place))
}

struct Committed {
    number: u64,
    path: PathBuf,
    text: String,
}

/// What is in the folder and what will be, in order.
fn committed(project: &dyn Project, folder: &Path, outputs: &[Output]) -> Vec<Committed> {
    let there = project.entries(folder).into_iter().map(|name| folder.join(name));
    let mut paths: Vec<PathBuf> = outputs
        .iter()
        .map(|output| output.path.clone())
        .chain(there)
        .collect();
    paths.sort();
    paths.dedup();
    let read = |path: PathBuf| {
        let own = outputs.iter().find(|output| output.path == path);
        Some(Committed {
            number: number(path.strip_prefix(folder).ok()?.to_str()?)?,
            text: own.map_or_else(|| project.read(&path).unwrap_or_default(), |own| own.text.clone()),
            path,
        })
    };
    let mut committed: Vec<Committed> = paths.into_iter().filter_map(read).collect();
    committed.sort_by_key(|file| file.number);
    committed
}

/// The hash of the last file; each must name the one before it.
fn last_hash(committed: &[Committed]) -> Result<Option<String>, PlaceError> {
    let mut before = None;
    for file in committed {
        let previous = header(&file.text, "Previous").filter(|hash| *hash != "-");
        if previous != before {
            return Err(PlaceError {
                cause: format!(
                    "{} doesn't follow the file that would stand before it",
                    file.path.display()
                ),
                remedy: "take away what was committed behind it first, or leave these migrations as they are"
                    .to_owned(),
            });
        }
        before = header(&file.text, "Hash");
        if before.is_none() {
            return Err(PlaceError {
                cause: format!("{} has no --! Hash line", file.path.display()),
                remedy: "commit it as it is meant to be: graphile-migrate commit".to_owned(),
            });
        }
    }
    Ok(before.map(str::to_owned))
}

fn number(file: &str) -> Option<u64> {
    let digits = file.strip_suffix(".sql")?.split('-').next()?;
    digits.parse().ok()
}

/// A line of the header, `--! Hash: sha1:…`.
fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mark = format!("--! {name}: ");
    text.lines()
        .take_while(|line| line.starts_with("--! "))
        .find_map(|line| line.strip_prefix(&mark))
        .map(str::trim)
}

/// Of the hash before and the body (graphile-migrate's src/hash.ts and src/migration.ts).
fn hash(previous: Option<&str>, body: &str) -> String {
    let text = format!("{}\n{}", previous.unwrap_or_default(), body.trim());
    let digest = Sha1::digest(format!("{}\n", text.trim()).as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha1:{hex}")
}
