//! What the spec says of the runner and the files don't know yet.

use std::path::Path;

use super::report::Finding;
use crate::cli::existing::Rendered;
use crate::cli::placing;
use crate::plan::Step;
use crate::runner::{self, shares};
use crate::spec::{RunnerName, TableSpec};

/// The files were written for what the spec said then: another runner, another folder, another last step.
pub fn finding(spec: &TableSpec, rendered: &Rendered, spec_path: &Path) -> Option<Finding> {
    let says = |key: &str, said: &str, written: &str| {
        Finding::new(
            spec_path,
            format!("the spec says {key} = {said:?}, and the migrations were written for {written:?}"),
            format!("write them again: pgcleave generate {}", spec.name),
        )
    };
    let written = rendered
        .placement
        .as_ref()
        .map_or(RunnerName::Plain, |p| p.runner);
    if spec.runner != written {
        return Some(says("runner", spec.runner.as_str(), written.as_str()));
    }
    let (placement, runner) = rendered.placement.as_ref().zip(runner::named(spec.runner))?;
    if let Some(directory) = spec.directory.as_ref().filter(|d| **d != placement.directory) {
        let text = |path: &Path| path.display().to_string();
        return Some(says("directory", &text(directory), &text(&placement.directory)));
    }
    let through = match placing::last_step(runner, spec, &rendered.plan) {
        Ok(step) => step,
        Err(failure) => return Some(Finding::of(spec_path.to_owned(), failure)),
    };
    let wanted = shares(runner, &rendered.plan.steps, through, spec.copy);
    let stems = |steps: &[Step]| {
        steps
            .iter()
            .map(|step| step.stem().to_owned())
            .collect::<Vec<_>>()
    };
    let placed: Vec<String> = placement.steps.iter().map(|place| place.step.clone()).collect();
    if (stems(&wanted.placed), stems(&wanted.by_hand)) == (placed.clone(), placement.by_hand.clone()) {
        return None;
    }
    let written = placed.iter().chain(&placement.by_hand);
    match written.filter_map(|stem| Step::from_stem(stem)).max() {
        Some(last) if last == through => Some(says("copy", spec.copy.name(), &placed.join(", "))),
        last => Some(says(
            "through",
            through.stem(),
            last.map_or("nothing", Step::stem),
        )),
    }
}
