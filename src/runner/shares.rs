//! Which steps the runner runs, and which are left to psql, pg_cron or `pgcleave apply`.

use super::{NoTransaction, Runner};
use crate::migration::{Mode, Part};
use crate::plan::Step;
use crate::runner::header::mode;
use crate::spec::CopyBy;

/// The steps up to the last one that is asked for, parted by who runs them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shares {
    /// Steps with a migration of the runner's, in order.
    pub placed: Vec<Step>,
    /// Steps that somebody runs by hand between them.
    pub by_hand: Vec<Step>,
}

/// Whether a step has no migration of the runner's. A catch-up stays one even where the copying is done by hand: it goes
/// on with what was written since.
fn is_by_hand(runner: &dyn Runner, step: Step, copy: CopyBy) -> bool {
    if step == Step::RunBatchCopy && copy == CopyBy::Manual {
        return true;
    }
    let needs_mode = mode(step, Part::Up) == Mode::SingleStatement;
    needs_mode && runner.no_transaction() == NoTransaction::Impossible
}

/// The last step that gets a migration unless another is asked for.
///
/// The cutover is a decision of its own, for when the copy is verified. Where the copying is left to somebody else, be it
/// pg_cron, the migrations behind it would fail in a deploy that comes too early.
pub fn usual_through(runner: &dyn Runner, steps: &[Step], copy: CopyBy) -> Option<Step> {
    if steps.contains(&Step::ScheduleCopy) {
        return Some(Step::ScheduleCopy);
    }
    let before_by_hand = steps.iter().position(|step| is_by_hand(runner, *step, copy));
    match before_by_hand {
        Some(position) => position.checked_sub(1).and_then(|last| steps.get(last)).copied(),
        None => steps
            .iter()
            .rev()
            .find(|step| **step <= Step::VerifyCopy)
            .copied(),
    }
}

/// Parts the steps up to and with `through`, and with it what is run by hand right behind it.
pub fn shares(runner: &dyn Runner, steps: &[Step], through: Step, copy: CopyBy) -> Shares {
    let mut shares = Shares::default();
    for step in steps {
        let by_hand = is_by_hand(runner, *step, copy);
        if *step > through && !by_hand {
            break;
        }
        if by_hand {
            shares.by_hand.push(*step);
        } else {
            shares.placed.push(*step);
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::named;
    use crate::spec::RunnerName;

    const STEPS: [Step; 7] = [
        Step::CreateBatchCopyProcedure,
        Step::RunBatchCopy,
        Step::BuildIndexes,
        Step::CatchUp,
        Step::KeepInStep,
        Step::VerifyCopy,
        Step::CutOver,
    ];

    fn parted(runner: RunnerName, copy: CopyBy) -> (Option<Step>, Shares) {
        let runner = named(runner).unwrap();
        let through = usual_through(runner, &STEPS, copy);
        (through, shares(runner, &STEPS, Step::VerifyCopy, copy))
    }

    #[test]
    fn the_cutover_is_asked_for_and_what_is_copied_by_hand_is_waited_for() {
        let (through, whole) = parted(RunnerName::Dbmate, CopyBy::Inline);
        assert_eq!((through, whole.by_hand.len()), (Some(Step::VerifyCopy), 0));
        let (through, by_hand) = parted(RunnerName::Dbmate, CopyBy::Manual);
        assert_eq!(through, Some(Step::CreateBatchCopyProcedure));
        assert_eq!(by_hand.by_hand, [Step::RunBatchCopy]);
    }

    #[test]
    fn what_must_commit_by_itself_is_by_hand_where_everything_is_a_transaction() {
        let (through, parted) = parted(RunnerName::Refinery, CopyBy::Inline);
        assert_eq!(through, Some(Step::CreateBatchCopyProcedure));
        assert_eq!(parted.by_hand, [Step::RunBatchCopy, Step::CatchUp]);
        let first = shares(
            named(RunnerName::Refinery).unwrap(),
            &STEPS,
            Step::CreateBatchCopyProcedure,
            CopyBy::Inline,
        );
        assert_eq!((first.placed.len(), first.by_hand), (1, vec![Step::RunBatchCopy]));
    }
}
