//! Sqitch: a deploy and a revert script for each change, and a line in its plan.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{
    Down, Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment,
    relative,
};
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Sqitch;

const PLAN: &str = "plan";
const PROJECT: &str = "project";
/// Who planned the change: a plan's line must say somebody.
const PLANNER: &str = "pgcleave <pgcleave@localhost>";

impl Runner for Sqitch {
    fn name(&self) -> RunnerName {
        RunnerName::Sqitch
    }

    fn usual_directory(&self) -> &'static str {
        "."
    }

    fn find(&self, project: &dyn Project) -> Option<Found> {
        let mark = project.first_of(&["sqitch.conf", "sqitch.plan"])?;
        let settings = project.read(Path::new("sqitch.conf")).unwrap_or_default();
        Some(Found {
            directory: setting(&settings, "top_dir").map_or_else(|| PathBuf::from("."), |dir| relative(&dir)),
            mark: mark.to_owned(),
        })
    }

    fn style(&self, project: &dyn Project, directory: &Path) -> Result<BTreeMap<String, String>, PlaceError> {
        let settings = project.read(Path::new("sqitch.conf")).unwrap_or_default();
        let plan = setting(&settings, "plan_file")
            .map_or_else(|| directory.join("sqitch.plan"), |file| relative(&file));
        let text = read_plan(project, &plan)?;
        let name = text.lines().find_map(|line| line.strip_prefix("%project="));
        Ok(BTreeMap::from([
            (PLAN.to_owned(), plan.display().to_string()),
            (PROJECT.to_owned(), name.unwrap_or("project").trim().to_owned()),
        ]))
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let plan = Path::new(site.style.get(PLAN).map_or("sqitch.plan", String::as_str));
        let text = read_plan(site.project, plan)?;
        let mut before = text.lines().rev().find_map(change).map(str::to_owned);
        let mut places = Vec::new();
        for (position, step) in steps.iter().enumerate() {
            let name = site.name(*step);
            let time = site.now + chrono::Duration::seconds(position as i64);
            places.push(Place {
                step: step.stem().to_owned(),
                version: time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
                after: before.replace(name.clone()),
                name,
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
        let name = &place.name;
        let project = placement.style(PROJECT);
        let requires = place
            .after
            .as_ref()
            .map_or_else(String::new, |after| format!("-- requires: {after}\n"));
        let header = comment("--", name, self, migration);
        let revert = match &migration.down {
            Down::Nothing => "-- There is nothing to undo.\n".to_owned(),
            other => other
                .script()
                .map_or_else(String::new, |script| script.in_own_transaction()),
        };
        vec![
            Output {
                path: placement.directory.join("deploy").join(format!("{name}.sql")),
                text: format!(
                    "-- Deploy {project}:{name} to pg\n{requires}{header}\n{}",
                    migration.up.in_own_transaction()
                ),
            },
            Output {
                path: placement.directory.join("revert").join(format!("{name}.sql")),
                text: format!("-- Revert {project}:{name} from pg\n{header}\n{revert}"),
            },
        ]
    }

    fn register(
        &self,
        project: &dyn Project,
        placement: &Placement,
        _outputs: &[Output],
    ) -> Result<Vec<Output>, PlaceError> {
        let path = PathBuf::from(placement.style(PLAN));
        let plan = read_plan(project, &path)?;
        let wanted: Vec<String> = placement.steps.iter().map(line).collect();
        // A change of ours that has another line is one that was placed anew.
        let is_outdated = |line: &&str| {
            let name = change(line);
            let is_ours = line.contains(PLANNER) && name.is_some_and(|name| is_of(placement, name));
            is_ours && !wanted.iter().any(|wanted| wanted == line)
        };
        let mut lines: Vec<&str> = plan.lines().filter(|line| !is_outdated(line)).collect();
        let missing: Vec<&str> = wanted
            .iter()
            .map(String::as_str)
            .filter(|line| !lines.contains(line))
            .collect();
        lines.extend(missing);
        Ok(vec![Output {
            path,
            text: format!("{}\n", lines.join("\n")),
        }])
    }

    fn undo(&self) -> Undo {
        Undo::Runner("sqitch revert --to CHANGE, with the change before it")
    }

    fn remarks(&self) -> &'static [&'static str] {
        &[
            "a change that fails reverts all that were deployed with it: sqitch deploy --mode change keeps them",
        ]
    }

    fn history(&self) -> Option<(&'static str, &'static str)> {
        Some(("SELECT change::text FROM {}", "sqitch.changes"))
    }

    fn command(&self) -> &'static str {
        "sqitch deploy --mode change"
    }
}

/// A change's line in the plan.
fn line(place: &Place) -> String {
    let requires = place
        .after
        .as_ref()
        .map_or_else(String::new, |after| format!("[{after}] "));
    format!(
        "{} {requires}{} {PLANNER} # {}",
        place.name, place.version, place.step
    )
}

/// Whether a change's name is that of a step of this table.
fn is_of(placement: &Placement, name: &str) -> bool {
    let slug = |place: &Place| place.name.strip_suffix(&place.step).map(str::to_owned);
    let Some(slug) = placement.steps.first().and_then(slug) else {
        return false;
    };
    name.strip_prefix(&slug)
        .is_some_and(|stem| Step::from_stem(stem).is_some())
}

/// The change that a plan's line is about; tags, pragmas and comments are none.
fn change(line: &str) -> Option<&str> {
    let name = line.split_whitespace().next()?;
    (!name.starts_with(['%', '#', '@', '-', '+'])).then_some(name)
}

fn read_plan(project: &dyn Project, path: &Path) -> Result<String, PlaceError> {
    project.read(path).ok_or_else(|| PlaceError {
        cause: format!("there is no {}", path.display()),
        remedy: "start pgcleave in the project's folder, or begin a plan: sqitch init".to_owned(),
    })
}

/// A setting of `sqitch.conf`; lines that begin with `#` are comments.
fn setting(settings: &str, name: &str) -> Option<String> {
    settings.lines().find_map(|line| {
        let value = line.trim().strip_prefix(name)?.trim_start().strip_prefix('=')?;
        Some(value.trim().trim_matches('"').to_owned())
    })
}
