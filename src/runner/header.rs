//! What the top of each file says, line by line, for whoever reads it at three in the morning.

use crate::migration::{Mode, Part};
use crate::plan::{Plan, Severity, Step};
use crate::render::commits_by_itself;

/// How a part runs.
pub fn mode(step: Step, part: Part) -> Mode {
    if commits_by_itself(step, part) {
        Mode::SingleStatement
    } else {
        Mode::Transaction
    }
}

/// The lines behind the title, without a language's comment marks.
pub fn lines(plan: &Plan, step: Step, part: Part) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |heading: &str, value: &str| lines.push(format!("{heading}: {}", one_line(value)));
    line("Table", &plan.conversion.names.source.plain());
    match (part, step.lock()) {
        (Part::Verify, _) => line("Lock", "none that others feel; changes nothing"),
        (Part::Up | Part::Down, Some(lock)) => {
            let held = if step == Step::CutOver {
                format!("{}, {}", plan.conversion.lock_time, lock.held)
            } else {
                lock.held.to_owned()
            };
            line("Lock", &format!("{} on {}: {held}", lock.mode, lock.on));
        }
        (Part::Up | Part::Down, None) => line("Lock", "none on the source table"),
    }
    if part == Part::Up {
        line("Takes", step.duration());
        line("Undo", step.undo());
        let hazards: Vec<String> = step.hazards().iter().map(ToString::to_string).collect();
        line(
            "Hazards",
            if hazards.is_empty() {
                "none".to_owned()
            } else {
                hazards.join(", ")
            }
            .as_str(),
        );
        remarks(plan, step).iter().for_each(|remark| line("Mind", remark));
        for broken in step.broken_rules() {
            line("Lint", &format!("{}: {}", broken.rules.join(", "), broken.why));
        }
    }
    line(
        "Mode",
        match mode(step, part) {
            Mode::SingleStatement => {
                "no transaction, exactly one statement, which commits by itself; run it again to go on where it stopped"
            }
            Mode::Transaction => "one transaction: all or nothing",
        },
    );
    line("Made by", &made_by(plan));
    lines
}

/// The version and the facts that a file was rendered from.
fn made_by(plan: &Plan) -> String {
    format!(
        "pgcleave {}, fingerprint {}",
        env!("CARGO_PKG_VERSION"),
        plan.fingerprint
    )
}

/// What a part does, in a sentence.
pub fn title(step: Step, part: Part) -> String {
    match part {
        Part::Up => step.title().to_owned(),
        Part::Down => format!("Undo: {}", step.title()),
        Part::Verify => format!("Check that this is done: {}", step.title()),
    }
}

/// What the plan's warnings say about this step.
fn remarks(plan: &Plan, step: Step) -> Vec<String> {
    let about = match step {
        Step::BuildIndexes | Step::CutOver | Step::MoveIncomingForeignKeys | Step::DropRetiredTable => {
            Severity::Warning
        }
        Step::CreatePartitionedCopy
        | Step::InstallSyncTrigger
        | Step::CreateBatchCopyProcedure
        | Step::ScheduleCopy
        | Step::UnscheduleCopy
        | Step::RunBatchCopy
        | Step::BuildPartitionIndexes
        | Step::CreateGuards
        | Step::CatchUp
        | Step::KeepInStep
        | Step::AddForeignKeys
        | Step::BuildMaterializedViews
        | Step::VerifyCopy
        | Step::VerifyCutover => return Vec::new(),
    };
    let matching = plan.problems.iter().filter(|p| p.severity == about);
    matching.map(|p| format!("{}: {}", p.cause, p.remedy)).collect()
}

/// A comment ends with its line: no name may break out of it. JavaScript has two more characters that end one.
pub fn one_line(text: &str) -> String {
    let ends_line = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if ends_line(c) { ' ' } else { c }).collect()
}
