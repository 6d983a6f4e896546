//! Flags on how a lock that others feel is asked for.

use std::time::Duration;

use clap::Args;

use super::duration;

#[derive(Debug, Args)]
#[command(next_help_heading = "Lock")]
pub struct LockArgs {
    /// How long a try waits for the lock; everybody who comes later waits behind it (1s).
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lock_timeout: Option<Duration>,
    /// Tries, with growing pauses between them; then exit code 6 (20).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub lock_tries: Option<u32>,
    /// End the sessions that hold the lock; never an autovacuum.
    #[arg(long)]
    pub terminate_blockers: bool,
}

impl LockArgs {
    /// The settings that the installed lock function reads; those that no flag names are left to the
    /// connection's own options.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let given = [
            ("lock_timeout", self.lock_timeout.map(milliseconds)),
            ("lock_tries", self.lock_tries.map(|tries| tries.to_string())),
            (
                "terminate_blockers",
                self.terminate_blockers.then(|| "on".to_owned()),
            ),
        ];
        let set = |(name, value): (&'static str, Option<String>)| Some((name, value?));
        given.into_iter().filter_map(set).collect()
    }
}

/// A length of time as an interval's text.
pub fn milliseconds(duration: Duration) -> String {
    format!("{} milliseconds", duration.as_millis())
}
