//! What the runner's own history says has run.

use postgres::Client;

use super::Failure;
use super::project::Folder;
use crate::catalog::find_others_table;
use crate::runner::{self, Placement, Runner};
use crate::spec::RunnerName;

/// The versions in a runner's history; none for `plain`.
pub struct Noted {
    versions: Vec<String>,
}

impl Noted {
    /// Reads the history, if there is one yet.
    pub fn read(client: &mut Client, runner: RunnerName) -> Result<Self, Failure> {
        let mut versions = Vec::new();
        if let Some((query, table)) = runner::named(runner).and_then(Runner::history) {
            let (schema, name) = match table.split_once('.') {
                Some((schema, name)) => (Some(schema), name),
                None => (None, table),
            };
            if let Some(table) = find_others_table(client, schema, name)? {
                let rows = client.query(&query.replace("{}", &table.to_string()), &[])?;
                versions.extend(rows.iter().filter_map(|row| row.get(0)));
            }
        }
        Ok(Self { versions })
    }

    /// The steps whose migrations are in it.
    pub fn steps(&self, placement: &Placement) -> Vec<String> {
        let steps = placement.steps.iter().map(|place| place.step.clone());
        steps.filter(|step| self.step(step, placement)).collect()
    }

    /// Whether the step's migration is in it.
    pub fn step(&self, step: &str, placement: &Placement) -> bool {
        let (Some(place), Some(runner)) = (placement.of(step), runner::named(placement.runner)) else {
            return false;
        };
        // Some histories hold numbers, without the zeros of the files' names; Sqitch's holds names.
        let number = |version: &str| version.trim_start_matches('0').to_owned();
        let versions = runner.all_that_ran(&Folder, &placement.directory, &self.versions);
        versions
            .iter()
            .any(|version| number(version) == number(&place.version) || *version == place.name)
    }
}
