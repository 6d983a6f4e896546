//! What a run must know of the conversion: `apply` knows no plan, and `plan` no run; they meet here.

use crate::apply::Relations;
use crate::apply::verification::Subject;
use crate::plan::{Names, Plan};
use crate::sql::QualifiedName;

impl Relations {
    /// Those of the table's conversion, whether they are there or not.
    pub fn of(table: &QualifiedName) -> Self {
        let names = Names::of(table);
        Self {
            source: names.source,
            copy: names.copy,
            retired: names.retired,
            state: names.state,
            settings: names.settings,
            segments: names.segments,
            index_builds: names.index_builds,
            log: names.log,
            truncations: names.truncations,
            copy_batches: names.copy_batches,
            reverse: names.reverse,
            work: names.work,
            mark: names.mark,
            repair: names.repair,
        }
    }
}

impl Subject {
    /// What [`crate::apply::verification::verify`] compares of a conversion.
    pub fn of(plan: &Plan) -> Self {
        let conversion = &plan.conversion;
        Self {
            relations: Relations::of(&conversion.names.source),
            columns: conversion.columns.clone(),
            hashed_row: conversion.hashed_row.clone(),
            primary_key: conversion.primary_key.clone(),
            row_key: conversion.row_key.clone(),
            key: conversion.key.clone(),
            part: conversion.parts.number.clone(),
            bounds: conversion.parts.bounds.clone(),
            parts: conversion.parts.names.clone(),
        }
    }
}
