//! Which steps the runner runs, and which are left to psql, pg_cron or `pgcleave apply`.

use super::{NoTransaction, Runner};
use crate::migration::{Mode, Part};
use crate::plan::Step;
use crate::runner::header::mode;

/// The steps up to the last one that is asked for, parted by who runs them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shares {
    /// Steps with a migration of the runner's, in order.
    pub placed: Vec<Step>,
    /// Steps that somebody runs by hand between them.
    pub by_hand: Vec<Step>,
}

/// Whether a step has no migration of the runner's.
fn is_by_hand(runner: &dyn Runner, step: Step) -> bool {
    let needs_mode = mode(step, Part::Up) == Mode::SingleStatement;
    needs_mode && runner.no_transaction() == NoTransaction::Impossible
}

/// The last step that gets a migration unless another is asked for.
///
/// The cutover is a decision of its own, for when the copy is verified. Where the copying is left to somebody else, be it
/// pg_cron, the migrations behind it would fail in a deploy that comes too early.
pub fn usual_through(runner: &dyn Runner, steps: &[Step]) -> Option<Step> {
    if steps.contains(&Step::ScheduleCopy) {
        return Some(Step::ScheduleCopy);
    }
    let before_by_hand = steps.iter().position(|step| is_by_hand(runner, *step));
    match before_by_hand {
        Some(position) => position.checked_sub(1).and_then(|last| steps.get(last)).copied(),
        None => steps
            .iter()
            .rev()
            .find(|step| **step <= Step::VerifyCopy)
            .copied(),
    }
}

/// Parts the steps up to and with `through`.
pub fn shares(runner: &dyn Runner, steps: &[Step], through: Step) -> Shares {
    let mut shares = Shares::default();
    for step in steps {
        if is_by_hand(runner, *step) {
            shares.by_hand.push(*step);
        } else {
            shares.placed.push(*step);
        }
        if *step == through {
            break;
        }
    }
    shares
}
