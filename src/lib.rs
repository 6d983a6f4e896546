//! Turns a live PostgreSQL table into a natively partitioned one.
//!
//! ```text
//! catalog ──▶ model::Table ──▶ plan::Plan ──▶ render ──▶ migration files ──▶ apply
//! ```
//!
//! - [`sql`] – names and values become SQL here and nowhere else
//! - [`spec`] – `pgcleave.toml`
//! - [`model`] – what PostgreSQL says about a table
//! - [`catalog`] – reads it from the live server
//! - [`plan`] – decides, purely
//! - `render` – writes the decision as SQL, purely
//! - [`migration`] and [`runner`] – the files
//! - [`db`] – connections, locks, history
//! - [`apply`] – runs the files
//! - [`server`] and `demo` – a throwaway server and the main job on it
//! - `cli` – the command line
//!
//! ARCHITECTURE.md has the invariants.

#![warn(missing_docs)]

// askama.toml names our own types by the crate.
extern crate self as pgcleave;

pub mod apply;
pub mod catalog;
#[doc(hidden)]
pub mod cli;
pub mod db;
#[doc(hidden)]
pub mod demo;
pub mod migration;
pub mod model;
pub mod plan;
mod render;
pub mod runner;
pub mod server;
pub mod spec;
pub mod sql;
