//! Names that a run needs to know; it knows no plan.

use crate::sql::QualifiedName;

/// The relations of a conversion that a run looks at.
#[derive(Debug, Clone)]
pub struct Relations {
    pub source: QualifiedName,
    pub copy: QualifiedName,
    pub retired: QualifiedName,
    pub state: QualifiedName,
    pub settings: QualifiedName,
    pub segments: QualifiedName,
    pub log: QualifiedName,
    pub truncations: QualifiedName,
    pub copy_batches: QualifiedName,
    pub reverse: QualifiedName,
    pub work: QualifiedName,
    pub mark: QualifiedName,
    pub repair: QualifiedName,
}
