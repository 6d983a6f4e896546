//! What linters of migrations say against a step, and why it is right all the same.

use super::Step;

/// Rules that a step breaks on purpose, for one reason; the header of its up file says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenRules {
    /// As squawk names them, or as in `eugene E4`.
    pub rules: &'static [&'static str],
    /// Why nothing comes of it, or why it can't be otherwise.
    pub why: &'static str,
}

const fn broken(rules: &'static [&'static str], why: &'static str) -> BrokenRules {
    BrokenRules { rules, why }
}

impl Step {
    /// What of squawk's and eugene's rules the step's up file may break.
    pub fn broken_rules(self) -> &'static [BrokenRules] {
        match self {
            Self::CreatePartitionedCopy => &CREATE_PARTITIONED_COPY,
            Self::InstallSyncTrigger => &INSTALL_SYNC_TRIGGER,
            Self::BuildIndexes => &BUILD_INDEXES,
            Self::CreateGuards => &CREATE_GUARDS,
            Self::BuildMaterializedViews => &BUILD_MATERIALIZED_VIEWS,
            Self::CutOver => &CUT_OVER,
            Self::DropRetiredTable => &DROP_RETIRED_TABLE,
            Self::CreateBatchCopyProcedure
            | Self::ScheduleCopy
            | Self::RunBatchCopy
            | Self::BuildPartitionIndexes
            | Self::CatchUp
            | Self::UnscheduleCopy
            | Self::KeepInStep
            | Self::AddForeignKeys
            | Self::VerifyCopy
            | Self::VerifyCutover
            | Self::MoveIncomingForeignKeys => &[],
        }
    }
}

const CREATE_PARTITIONED_COPY: [BrokenRules; 1] = [broken(
    &["ban-drop-not-null"],
    "only of the new copy, and put back by the same statement under the name that the source's has",
)];

const INSTALL_SYNC_TRIGGER: [BrokenRules; 1] = [broken(
    &["eugene E4"],
    "takes ENABLE TRIGGER's lock for ACCESS EXCLUSIVE; it is SHARE ROW EXCLUSIVE, which readers don't feel",
)];

const BUILD_INDEXES: [BrokenRules; 2] = [
    broken(
        &[
            "adding-serial-primary-key-field",
            "constraint-missing-not-valid",
            "disallowed-unique-constraint",
            "require-concurrent-index-creation",
            "eugene E4",
            "eugene E6",
            "eugene E7",
            "eugene E8",
        ],
        "nobody but pgcleave uses the copy yet, and a partitioned table's indexes can't be built CONCURRENTLY",
    ),
    broken(
        &["eugene W12"],
        "each builds an index of its own or sets a trigger: in one statement they would read the copy as often",
    ),
];

const CREATE_GUARDS: [BrokenRules; 1] = [broken(
    &["eugene E4", "eugene W12"],
    "nobody but pgcleave uses the copy yet, and setting a trigger scans nothing",
)];

const BUILD_MATERIALIZED_VIEWS: [BrokenRules; 2] = [
    broken(
        &["ban-drop-view"],
        "only what an earlier cutover left of pgcleave's own; applications read those with the lasting names",
    ),
    broken(
        &["require-concurrent-index-creation"],
        "nobody reads the new materialized views yet",
    ),
];

const CUT_OVER: [BrokenRules; 4] = [
    broken(
        &["renaming-table", "renaming-object"],
        "the copy and what belongs to it take the table's names in the same transaction: no client finds one missing",
    ),
    broken(
        &["ban-alter-identity"],
        "BY DEFAULT on the retired table, which only the sync writes to, and ALWAYS on the partitioned one, as it was",
    ),
    broken(
        &["ban-drop-function"],
        "only where it has the table's row type; it is created again in the same transaction",
    ),
    broken(
        &["eugene E4", "eugene W12"],
        "catalog changes only, unless pgcleave.recount_under_lock is on, and all of them or none; RENAME stands alone in its statement",
    ),
];

const DROP_RETIRED_TABLE: [BrokenRules; 2] = [
    broken(
        &["ban-drop-table", "ban-drop-view", "ban-drop-function"],
        "only the retired table and its materialized views, once verify_cutover found no difference, and pgcleave's own",
    ),
    broken(
        &["eugene E4"],
        "dropping takes milliseconds; nothing else is done under the lock",
    ),
];
