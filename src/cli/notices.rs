//! The server's notices on stderr.

use super::Cli;
use crate::db::connect::Notices;

/// Prints NOTICE and above, or nothing with `--quiet`.
pub fn printer(cli: &Cli) -> Notices {
    let (quiet, verbose) = (cli.quiet, cli.verbose);
    Notices::new(move |notice| {
        if quiet {
            return;
        }
        eprintln!("{}: {}", notice.severity().to_lowercase(), notice.message());
        if let (true, Some(detail)) = (verbose, notice.detail()) {
            eprintln!("  {detail}");
        }
    })
}
