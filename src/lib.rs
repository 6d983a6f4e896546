//! Turns a live PostgreSQL table into a natively partitioned one.
//!
//! ```text
//! catalog ──▶ model::Table ──▶ plan::Plan ──▶ render ──▶ migration files ──▶ apply
//! ```
//!
//! The program `pgcleave` is a thin layer over this library. Whoever drives a conversion from a program of their own
//! does what it does: read the table, decide, write files that people review, and run those files.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::sync::atomic::AtomicBool;
//!
//! use pgcleave::apply::{Progress, Relations, Reporter, RunOptions, Session};
//! use pgcleave::db::connect::Target;
//! use pgcleave::migration::{Directory, write_whole};
//! use pgcleave::spec::Spec;
//! use pgcleave::{facts, runner};
//!
//! /// Tells a log what happens.
//! struct Log;
//!
//! impl Reporter for Log {
//!     fn begin(&mut self, title: &str, _is_long: bool) {
//!         println!("{title}");
//!     }
//!     fn progress(&mut self, now: Progress) {
//!         println!("{} of {} blocks, {} changes wait", now.blocks_done, now.blocks_total, now.backlog);
//!     }
//!     fn notice(&mut self, text: &str) {
//!         println!("{text}");
//!     }
//!     fn end(&mut self) {}
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // As libpq finds it: DATABASE_URL, the PG* variables, the service and the password file.
//!     let target = Target::resolve(None, &|name| std::env::var(name).ok())?;
//!     let spec = Spec::parse(&std::fs::read_to_string("pgcleave.toml")?)?.tables.remove(0);
//!     let table = spec.table()?;
//!
//!     // Load, plan, render, write. A table that can't be carried whole is an error that lists every reason.
//!     let mut client = target.open()?;
//!     let plan = facts::load(&mut client, &table, &spec)?.plan(&mut client, &spec)?.plan;
//!     let folder = spec.folder(&table);
//!     for file in runner::files(&plan)? {
//!         write_whole(&folder.join(file.name.to_string()), &file.text)?;
//!     }
//!
//!     // Apply what was written, and reviewed meanwhile. Each step that is done is passed over.
//!     let directory = Directory::read(&folder)?;
//!     let interrupted = Arc::new(AtomicBool::new(false)); // set it, and the copy stops behind its batch
//!     let mut session = Session::open(&target, Relations::of(&table), RunOptions::default(), interrupted)?;
//!     for file in directory.ups() {
//!         session.run_step(&directory, &file.name.stem, &mut Log)?;
//!         if file.name.stem == "verify_copy" {
//!             break; // the cutover is a decision of its own
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! - [`sql`] – names and values become SQL here and nowhere else
//! - [`spec`] – `pgcleave.toml`
//! - [`model`] – what PostgreSQL says about a table
//! - [`catalog`] – reads it from the live server
//! - [`plan`] – decides, purely
//! - [`facts`] – from the live server to a plan
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
pub mod facts;
mod handover;
pub mod migration;
pub mod model;
pub mod plan;
mod render;
pub mod runner;
pub mod server;
pub mod spec;
pub mod sql;
