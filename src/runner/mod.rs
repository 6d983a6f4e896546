//! Migration runners: how each names, annotates and wraps the same statements.

mod plain;

pub use plain::files;
