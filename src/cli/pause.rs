//! `pgcleave pause` and `pgcleave resume`.

use super::run_context::Context;
use super::{Cli, Failure, PauseArgs};
use crate::apply::{self, read_load};

pub fn pause(cli: &Cli, args: &PauseArgs) -> Result<(), Failure> {
    let (context, mut client) = open(cli, args)?;
    apply::pause(&mut client, &context.relations)?;
    println!(
        "paused: the batch copy and the catch-up of {} wait after their current batch; go on with: pgcleave resume {}",
        context.table.plain(),
        context.spec.name
    );
    Ok(())
}

pub fn resume(cli: &Cli, args: &PauseArgs) -> Result<(), Failure> {
    let (context, mut client) = open(cli, args)?;
    apply::resume(&mut client, &context.relations)?;
    println!("going on: {}", context.table.plain());
    Ok(())
}

fn open(cli: &Cli, args: &PauseArgs) -> Result<(Context, postgres::Client), Failure> {
    let context = Context::load(cli, &args.spec.path, args.table.as_deref())?;
    let mut client = context.target.open()?;
    match read_load(&mut client, &context.relations)? {
        Some(_) => Ok((context, client)),
        None => Err(nothing_to_change(&context)),
    }
}

/// Before the sync trigger there is nothing to pause or to throttle.
pub fn nothing_to_change(context: &Context) -> Failure {
    Failure::failed(
        anyhow::anyhow!("no conversion of {} is under way", context.table.plain()),
        "begin one: pgcleave apply; its flags set the same things",
    )
}
