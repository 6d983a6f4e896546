//! Atlas: files with a checksum over all of them; the way back is computed by its own program alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{
    Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment,
    quoted_after, relative, versions, versions_before_underscore,
};
use crate::migration::Mode;
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Atlas;

const SUM: &str = "atlas.sum";
/// A blank line must follow.
const NO_TRANSACTION: &str = "-- atlas:txmode none\n\n";

impl Runner for Atlas {
    fn name(&self) -> RunnerName {
        RunnerName::Atlas
    }

    fn usual_directory(&self) -> &'static str {
        "migrations"
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let settings = project.read(Path::new("atlas.hcl"));
        let named = settings.as_deref().and_then(|text| quoted_after(text, "dir"));
        let named = named.and_then(|dir| dir.strip_prefix("file://")?.split('?').next());
        let named = named.map(relative);
        let folders = ["migrations", "db/migrations", "ent/migrate/migrations"].map(PathBuf::from);
        let with_sum = folders
            .into_iter()
            .find(|folder| project.read(&folder.join(SUM)).is_some());
        let mark = match (&settings, &with_sum) {
            (Some(_), _) => "atlas.hcl".to_owned(),
            (None, Some(folder)) => folder.join(SUM).display().to_string(),
            (None, None) => return None,
        };
        Some(Found {
            directory: named
                .or(with_sum)
                .unwrap_or_else(|| self.usual_directory().into()),
            mark,
        })
    }

    fn style(
        &self,
        project: &dyn Project,
        _directory: &Path,
    ) -> Result<BTreeMap<String, String>, PlaceError> {
        let settings = project.read(Path::new("atlas.hcl")).unwrap_or_default();
        let format = quoted_after(&settings, "dir").and_then(|dir| dir.split_once("?format="));
        match format {
            None | Some((_, "atlas")) => Ok(BTreeMap::new()),
            Some((_, format)) => Err(PlaceError {
                cause: format!("atlas.hcl says that its folder is in the format of {format}"),
                remedy: format!("write for that: --runner {format}, and then: atlas migrate hash"),
            }),
        }
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        // Files are ordered by name: a folder that counts goes on counting, with its zeros.
        let existing = versions_before_underscore(site, ".sql");
        Ok(site.places(steps, versions::next_as_text(&existing, site.now, steps.len())?))
    }

    fn write(
        &self,
        placement: &Placement,
        place: &Place,
        migration: &Migration,
        _before: &[Output],
    ) -> Vec<Output> {
        let name = format!("{}_{}.sql", place.version, place.name);
        let mode = match migration.up.mode {
            Mode::Transaction => "",
            Mode::SingleStatement => NO_TRANSACTION,
        };
        vec![Output {
            path: placement.directory.join(&name),
            text: format!(
                "{mode}{}\n{}",
                comment("--", &name, self, migration).replace("atlas:", "atlas "),
                migration.up.in_runners_transaction()
            ),
        }]
    }

    fn register(
        &self,
        project: &dyn Project,
        placement: &Placement,
        outputs: &[Output],
    ) -> Result<Vec<Output>, PlaceError> {
        Ok(vec![sum_file(project, &placement.directory, outputs)?])
    }

    fn unregister(&self, project: &dyn Project, gone: &Placement) -> Result<Vec<Output>, PlaceError> {
        Ok(vec![sum_file(project, &gone.directory, &[])?])
    }

    fn undo(&self) -> Undo {
        Undo::Scripts
    }

    fn forget(&self, place: &Place) -> Option<String> {
        Some(format!(
            "DELETE FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '{}';",
            place.version
        ))
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "needs --tx-mode file, which is usual: all would hold every lock to the end, and refuses what must not run in a transaction",
        ]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some((
            "SELECT version::text FROM {}",
            "atlas_schema_revisions.atlas_schema_revisions",
        ))
    }

    fn command(&self) -> &'static str {
        "atlas migrate apply"
    }
}

/// The checksums of what is in the folder and of what will be.
fn sum_file(project: &dyn Project, folder: &Path, outputs: &[Output]) -> Result<Output, PlaceError> {
    let own = outputs
        .iter()
        .filter(|output| output.path.parent() == Some(folder));
    let mut names: Vec<String> = own
        .filter_map(|output| Some(output.path.file_name()?.to_str()?.to_owned()))
        .chain(project.entries(folder))
        .filter(|name| name.ends_with(".sql"))
        .collect();
    names.sort();
    names.dedup();
    let text = |name: &String| {
        let path = folder.join(name);
        let own = outputs.iter().find(|output| output.path == path);
        let text = own.map_or_else(|| project.read(&path), |output| Some(output.text.clone()));
        text.ok_or_else(|| PlaceError {
            cause: format!(
                "{} is no text in UTF-8, so that {SUM} can't be computed",
                path.display()
            ),
            remedy: "save it in UTF-8, and have Atlas compute its checksum anew: atlas migrate hash"
                .to_owned(),
        })
    };
    let files: Result<Vec<(String, String)>, PlaceError> =
        names.iter().map(|name| Ok((name.clone(), text(name)?))).collect();
    Ok(Output {
        path: folder.join(SUM),
        text: sum(&files?),
    })
}

/// A running hash over names and texts, a line for each file and one for all (ariga.io/atlas sql/migrate/dir.go).
fn sum(files: &[(String, String)]) -> String {
    let mut running = Sha256::new();
    let mut all = Sha256::new();
    let mut lines = String::new();
    for (name, text) in files {
        running.update(name);
        let first = text.lines().next().unwrap_or_default();
        if first
            .split_once("atlas:sum")
            .is_some_and(|(_, mode)| mode.trim() == "ignore")
        {
            continue;
        }
        running.update(text);
        let hash = STANDARD.encode(running.clone().finalize());
        lines.push_str(&format!("{name} h1:{hash}\n"));
        all.update(name);
        all.update(hash);
    }
    format!("h1:{}\n{lines}", STANDARD.encode(all.finalize()))
}
