//! Connections, the advisory lock and the history table.

pub(crate) mod advisory_lock;
pub mod connect;
pub mod history;
mod passfile;
mod service_file;
mod tls;
