//! The connection that the flags and the environment name.

use super::{Cli, Failure};
use crate::db::connect::Target;

/// Resolves the connection as libpq does.
pub fn target(cli: &Cli) -> Result<Target, Failure> {
    let environment = |name: &str| std::env::var(name).ok();
    let target = Target::resolve(cli.database_url.as_deref(), &environment)?;
    if !cli.quiet {
        target
            .warnings()
            .iter()
            .for_each(|warning| eprintln!("warning: {warning}"));
    }
    Ok(target)
}
