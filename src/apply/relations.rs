//! Names that a run needs to know; it knows no plan.

use crate::sql::QualifiedName;

/// The relations of a conversion that a run looks at.
#[derive(Debug, Clone)]
pub struct Relations {
    /// The table by its own name: the source, and after the cutover the partitioned table.
    pub(crate) source: QualifiedName,
    /// The partitioned copy, until the cutover.
    pub(crate) copy: QualifiedName,
    /// The retired table, from the cutover until it is dropped.
    pub(crate) retired: QualifiedName,
    /// The table of one row that says where the conversion stands.
    pub(crate) state: QualifiedName,
    /// The table of one row that says how the copy behaves.
    pub(crate) settings: QualifiedName,
    /// Where the batch copy stands in each part of the source.
    pub(crate) segments: QualifiedName,
    /// How many indexes of each partition are built.
    pub(crate) index_builds: QualifiedName,
    /// The change log: keys that writers touched.
    pub(crate) log: QualifiedName,
    /// A row for each TRUNCATE of the source that the catch-up has yet to follow.
    pub(crate) truncations: QualifiedName,
    /// The procedure that copies.
    pub(crate) copy_batches: QualifiedName,
    /// The function of the reverse sync's trigger.
    pub(crate) reverse: QualifiedName,
    /// The procedure that pg_cron's job calls.
    pub(crate) work: QualifiedName,
    /// The function that tells the source's structure and storage apart from later ones.
    pub(crate) mark: QualifiedName,
    /// The function that brings one key of the copy to what the source holds.
    pub(crate) repair: QualifiedName,
}
