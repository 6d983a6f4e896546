//! Holds the cutover back: until a yes, or until a file vanishes.

use std::thread;
use std::time::{Duration, Instant};

use super::progress_bar::Bar;
use super::run_context::Context;
use super::{ApplyArgs, Failure, prompt};
use crate::apply::{ApplyError, Session};
use crate::db::history::Direction;
use crate::migration::{MigrationFile, Part};

/// The cutover's own limit unless a flag says otherwise.
const VERIFIED_WITHIN: Duration = Duration::from_secs(3600);
/// How often the file is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// How often the verification's age is looked at.
const LOOK_AT_VERIFICATION: Duration = Duration::from_secs(15);

/// A table that is rewritten again and again is verified again so often.
const MAX_VERIFICATIONS: u32 = 3;

/// Waits as asked for, sees to it that the last verification is one that the cutover accepts, and cuts over.
///
/// Returns `false` where the user says no.
pub fn cut_over(
    args: &ApplyArgs,
    context: &Context,
    session: &mut Session,
    file: &MigrationFile,
    bar: &mut Bar,
) -> Result<bool, Failure> {
    if !before_cutover(args, context, session, bar)? {
        return Ok(false);
    }
    let check = context.directory.find(&file.name.stem, Part::Verify);
    let mut verifications = 0;
    loop {
        match session.run(file, check, Direction::Up, bar) {
            // Rewritten, or grown too old, between our look and the file's.
            Err(error) if error.needs_verification() && verifications < MAX_VERIFICATIONS => {
                verifications += 1;
                verify_again(context, session, bar, Duration::ZERO)?;
            }
            result => return Ok(result.map(|()| true)?),
        }
    }
}

fn before_cutover(
    args: &ApplyArgs,
    context: &Context,
    session: &mut Session,
    bar: &mut Bar,
) -> Result<bool, Failure> {
    let limit = args.verified_within.unwrap_or(VERIFIED_WITHIN);
    if let Some(path) = &args.hold_file {
        let mut looked = Instant::now();
        if path.exists() {
            eprintln!(
                "holding the cutover until {} vanishes; the copy is kept in step",
                path.display()
            );
        }
        while path.exists() {
            if session.is_interrupted() {
                return Err(ApplyError::Interrupted("the hold before cut_over".to_owned()).into());
            }
            thread::sleep(LOOK);
            if looked.elapsed() >= LOOK_AT_VERIFICATION {
                looked = Instant::now();
                // At half the limit, so that the cutover can follow at once when the file vanishes.
                verify_again(context, session, bar, limit / 2)?;
            }
        }
    }
    if args.hold && !prompt::confirm(&format!("Cut {} over now?", context.table.plain()))? {
        eprintln!(
            "stopped before cut_over; go on with: pgcleave apply {}",
            context.spec.name
        );
        return Ok(false);
    }
    verify_again(context, session, bar, limit)?;
    Ok(true)
}

/// Runs the step verify_copy where the last verification is older than the limit, or was made of a source
/// that has changed since.
fn verify_again(
    context: &Context,
    session: &mut Session,
    bar: &mut Bar,
    limit: Duration,
) -> Result<(), Failure> {
    if session.verification_is_fresh(limit)? {
        return Ok(());
    }
    let Some(file) = context.directory.find("verify_copy", Part::Up) else {
        return Ok(());
    };
    session.run(file, None, Direction::Up, bar)?;
    println!("done again: {:04} verify_copy", file.name.number);
    Ok(())
}
