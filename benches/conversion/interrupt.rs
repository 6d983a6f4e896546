//! Ctrl-C: takes the server away, so that whatever waits for it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, Weak};

use anyhow::{Result, bail};
use pgcleave::server::{Server, Stop};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Weak, as its owner is to remove its folder when the bench ends.
static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// From here on, Ctrl-C and TERM end the bench in good order.
///
/// # Errors
/// When there is a handler already.
pub fn catch() -> Result<()> {
    ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::Relaxed);
        let server = SERVER.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        if let Some(server) = server {
            let _ = server.stop(Stop::Immediate);
        }
    })?;
    Ok(())
}

/// The server to take away.
pub fn watch(server: Weak<Server>) {
    *SERVER.lock().unwrap_or_else(PoisonError::into_inner) = server;
}

/// # Errors
/// Between two measurements, once there was a Ctrl-C.
pub fn check() -> Result<()> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        bail!("interrupted");
    }
    Ok(())
}

/// What failed because its server went away failed because of the Ctrl-C.
///
/// # Errors
/// The result's, or that there was a Ctrl-C.
pub fn explain(result: Result<()>) -> Result<()> {
    check()?;
    result
}
