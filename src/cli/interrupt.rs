//! Ctrl-C: sets a flag that runs look at between batches; the second one ends
//! the program, which the server survives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Catches Ctrl-C (and TERM) from here on.
pub fn catch() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&flag);
    // Fails only if there is a handler already, which is then as good.
    let _ = ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("stopping after the current batch; once more to stop at once");
    });
    flag
}
