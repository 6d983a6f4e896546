//! Everything that needs a PostgreSQL server, in one binary: one throwaway
//! server for most tests, a database of its own for each.

mod catalog;
mod connect;
mod corners;
mod cutover;
mod determinism;
mod drift;
mod every_write;
mod example;
mod facts;
mod fixtures;
mod guards;
mod interleavings;
mod load;
mod lost_connection;
mod privileges;
mod prompts;
mod psql_only;
mod races;
mod refusals;
mod replay;
mod resume;
mod round_trip;
mod security;
mod sessions;
mod simpler_designs;
mod stories;
mod structure;
mod support;
mod tidy;
mod torture;
mod unlogged;
mod verbs;
mod verification;
mod versions;
mod writers;
