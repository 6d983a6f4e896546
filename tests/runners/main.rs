//! The real migration runners, each in a project folder and on a database of its own.
//! `make test-runners` installs them first; a runner that isn't there fails its tests.

mod driver;
mod drivers;
mod journeys;
mod node;
mod own_migrations;
#[allow(dead_code, reason = "the other test binary needs the rest")]
#[path = "../it/support.rs"]
mod support;
