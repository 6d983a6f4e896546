//! Sqitch: a deploy and a revert script for each change, and a line in its plan.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{
    Down, Found, Migration, Output, Place, PlaceError, Placement, Project, Runner, Site, Undo, comment,
    relative, with_lines,
};
use crate::plan::Step;
use crate::spec::RunnerName;

pub struct Sqitch;

const PLAN: &str = "plan";
const PROJECT: &str = "project";
/// Settings, and names in `style`, of folders that aren't where they usually are.
const DEPLOY: &str = "deploy_dir";
const REVERT: &str = "revert_dir";
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
            .map_or_else(|| here(directory).join("sqitch.plan"), |file| relative(&file));
        let text = read_plan(project, &plan)?;
        let name = text.lines().find_map(|line| line.strip_prefix("%project="));
        let mut style = BTreeMap::from([
            (PLAN.to_owned(), plan.display().to_string()),
            (PROJECT.to_owned(), name.unwrap_or("project").trim().to_owned()),
        ]);
        for name in [DEPLOY, REVERT] {
            if let Some(folder) = setting(&settings, name) {
                style.insert(name.to_owned(), relative(&folder).display().to_string());
            }
        }
        Ok(style)
    }

    fn place(&self, site: &Site<'_>, steps: &[Step]) -> Result<Vec<Place>, PlaceError> {
        let plan = Path::new(site.style.get(PLAN).map_or("sqitch.plan", String::as_str));
        let text = read_plan(site.project, plan)?;
        refuse_missing(&text, plan)?;
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
                path: folder(placement, DEPLOY, "deploy").join(format!("{name}.sql")),
                text: format!(
                    "-- Deploy {project}:{name} to pg\n{requires}{header}\n{}",
                    migration.up.in_own_transaction()
                ),
            },
            Output {
                path: folder(placement, REVERT, "revert").join(format!("{name}.sql")),
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
        let has = |line: &String| plan.lines().any(|found| found == line);
        let missing: Vec<String> = placement
            .steps
            .iter()
            .map(line)
            .filter(|line| !has(line))
            .collect();
        Ok(vec![Output {
            path,
            text: with_lines(&plan, &missing),
        }])
    }

    fn unregister(&self, project: &dyn Project, gone: &Placement) -> Result<Vec<Output>, PlaceError> {
        let path = PathBuf::from(gone.style(PLAN));
        let Some(plan) = project.read(&path) else {
            return Ok(Vec::new());
        };
        let lines: Vec<String> = gone.steps.iter().map(line).collect();
        let is_gone = |found: &&str| {
            lines
                .iter()
                .any(|line| line == found.trim_end_matches(['\r', '\n']))
        };
        let text = plan.split_inclusive('\n').filter(|line| !is_gone(line)).collect();
        Ok(vec![Output { path, text }])
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

/// `.` is no part of a path.
fn here(directory: &Path) -> &Path {
    directory.strip_prefix(".").unwrap_or(directory)
}

fn folder(placement: &Placement, setting: &str, usual: &str) -> PathBuf {
    match placement.style(setting) {
        "" => here(&placement.directory).join(usual),
        named => PathBuf::from(named),
    }
}

/// A change may only require what stands before it.
fn refuse_missing(text: &str, plan: &Path) -> Result<(), PlaceError> {
    let mut changes = Vec::new();
    for line in text.lines() {
        let Some(name) = change(line) else {
            continue;
        };
        changes.push(name);
        let required = line.split_once(" [").and_then(|(_, rest)| rest.split_once(']'));
        let mut required = required.map_or("", |(names, _)| names).split_whitespace();
        // Other projects' changes, tags and conflicts are not ours to judge.
        let is_missing = |name: &&str| !name.contains(['@', ':', '!']) && !changes.contains(name);
        if let Some(missing) = required.find(is_missing) {
            return Err(PlaceError {
                cause: format!(
                    "{name} in {} requires {missing}, which would not be there",
                    plan.display()
                ),
                remedy: "bring it back, or take away first what requires it".to_owned(),
            });
        }
    }
    Ok(())
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
