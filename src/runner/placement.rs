//! Where a table's migrations stand among a project's: names that are taken once and kept.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::spec::RunnerName;

/// `placement.json` in the table's folder.
///
/// Time stamps, sequence numbers and predecessors depend on the clock and on what else is there, so they
/// can't be found again: they are recorded, and the same placement gives the same files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// Of this file; 1.
    pub format: u32,
    /// The runner that the files are for.
    pub runner: RunnerName,
    /// The runner's folder of migrations, relative to the project's.
    pub directory: PathBuf,
    /// What else the runner's files need to know of the project, such as the name of its language's module.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub style: BTreeMap<String, String>,
    /// In the order in which they run.
    pub steps: Vec<Place>,
    /// Steps that psql or pgcleave runs between them, because the runner can't or isn't to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_hand: Vec<String>,
    /// Every file that was written, relative to the project's folder.
    #[serde(default)]
    pub files: Vec<PathBuf>,
}

/// A step's place among the project's migrations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// [`crate::plan::Step::stem`].
    pub step: String,
    /// As the runner's history will name it: time stamp, sequence number, revision, change name.
    pub version: String,
    /// The readable part of its name, `events_create_partitioned_copy`.
    pub name: String,
    /// What runs before it, for runners whose migrations name their predecessor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Version of the file's shape.
pub const FORMAT: u32 = 1;

impl Placement {
    /// The place of a step.
    pub fn of(&self, step: &str) -> Option<&Place> {
        self.steps.iter().find(|place| place.step == step)
    }

    /// What of it another set no longer holds: the places that aren't kept, and the files that aren't written.
    pub fn given_up(&self, kept: Option<&Self>, written: &[PathBuf]) -> Self {
        let kept = kept.filter(|kept| kept.runner == self.runner && kept.directory == self.directory);
        let is_kept = |place: &Place| kept.is_some_and(|kept| kept.steps.contains(place));
        Self {
            steps: self
                .steps
                .iter()
                .filter(|place| !is_kept(place))
                .cloned()
                .collect(),
            by_hand: Vec::new(),
            files: self
                .files
                .iter()
                .filter(|file| !written.contains(file))
                .cloned()
                .collect(),
            ..self.clone()
        }
    }

    /// What `style` holds under a name; nothing where it wasn't recorded.
    pub fn style(&self, name: &str) -> &str {
        self.style.get(name).map_or("", String::as_str)
    }
}
