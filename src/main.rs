//! The command line: everything is in the library.

use std::process::ExitCode;

use clap::Parser;
use pgcleave::cli::{Cli, run};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let Err(failure) = run(&cli) else {
        return ExitCode::SUCCESS;
    };
    if let Some(cause) = &failure.cause {
        eprintln!("error: {cause:#}");
    }
    if let Some(hint) = &failure.hint {
        eprintln!("hint: {hint}");
    }
    ExitCode::from(failure.code)
}
