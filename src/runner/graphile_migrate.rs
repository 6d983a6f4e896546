//! graphile-migrate: committed files, each with the hash of the one before it; there is no way back.

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
        let committed: Vec<String> = site
            .entries()
            .into_iter()
            .filter(|file| number(file).is_some())
            .collect();
        let last = committed.iter().max_by_key(|file| number(file));
        let text = last.and_then(|file| site.project.read(&site.directory.join(file)));
        let after = match (last, text.as_deref().and_then(|text| header(text, "Hash"))) {
            (None, _) => None,
            (Some(_), Some(hash)) => Some(hash.to_owned()),
            (Some(file), None) => {
                return Err(PlaceError {
                    cause: format!("{} has no --! Hash line", site.directory.join(file).display()),
                    remedy: "commit it as it is meant to be: graphile-migrate commit".to_owned(),
                });
            }
        };
        let first = last.and_then(|file| number(file)).unwrap_or(0);
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
        // Somebody else's may stand between two sets of ours: then the place says what comes before.
        let own = before.last().and_then(|output| header(&output.text, "Hash"));
        let previous = place.after.as_deref().or(own);
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
