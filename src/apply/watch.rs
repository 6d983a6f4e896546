//! Looks after a running step from a connection of its own: progress, Ctrl-C,
//! the pause file, and the other sessions of a step that several share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use postgres::{CancelToken, Client};

use super::failure::ApplyError;
use super::load::{follow_pause_file, read_load};
use super::progress::Reporter;
use super::relations::Relations;
use super::stage::{Stage, read_stage};
use crate::db::connect::Target;

/// How often a long step's progress is read.
const INTERVAL: Duration = Duration::from_millis(300);
/// A worker that fails more often than this is given up; the first session goes on.
const MAX_FAILURES: usize = 3;

pub(super) struct Watch {
    pub target: Target,
    pub relations: Relations,
    pub interrupted: Arc<AtomicBool>,
    /// Of the session that runs the step.
    pub token: CancelToken,
    /// Whether the step has batches, of which progress is read.
    pub by_batches: bool,
    /// Whether it soon looks whether it shall stop; else it is cancelled: what it has committed stays, and it goes on
    /// from there.
    pub stops_when_asked: bool,
    /// The statement that other sessions may run at the same time, and the stage at which there is work for them.
    pub parallel: Option<(Stage, String)>,
    pub pause_file: Option<PathBuf>,
}

impl Watch {
    /// Until the step says whether it ended well.
    pub fn until(&self, finished: &mpsc::Receiver<bool>, reporter: &mut dyn Reporter) {
        let mut client = self.by_batches.then(|| self.target.open().ok()).flatten();
        let tokens = Mutex::new(vec![self.token.clone()]);
        std::thread::scope(|scope| {
            let mut crew = Workers {
                watch: self,
                tokens: &tokens,
                running: Vec::new(),
                failures: 0,
            };
            let mut stopping = false;
            let ended_well = loop {
                if client.as_ref().is_some_and(Client::is_closed) {
                    client = self.target.open().ok();
                }
                if let Some(client) = client.as_mut() {
                    self.look(client, reporter);
                    if !stopping {
                        crew.keep_up(scope, client, reporter);
                    }
                }
                match finished.recv_timeout(INTERVAL) {
                    Ok(well) => break well,
                    Err(RecvTimeoutError::Disconnected) => break false,
                    Err(RecvTimeoutError::Timeout) => {}
                }
                if self.interrupted.load(Ordering::Relaxed) && !stopping {
                    stopping = true;
                    self.stop(client.as_mut(), &tokens);
                }
            };
            // Without the session that answers for the step the others must not go on.
            if !ended_well && !crew.running.is_empty() {
                self.stop(client.as_mut(), &tokens);
            }
        });
    }

    /// What can't be read this time is read next time.
    fn look(&self, client: &mut Client, reporter: &mut dyn Reporter) {
        if let Some(path) = &self.pause_file {
            let _ = follow_pause_file(client, &self.relations, path);
        }
        if let Ok(position) = read_stage(client, &self.relations) {
            reporter.progress(position.progress);
        }
    }

    /// Asks for a stop after the current batch; cancels what has no batches.
    fn stop(&self, client: Option<&mut Client>, tokens: &Mutex<Vec<CancelToken>>) {
        let request = format!(
            "SET lock_timeout = '30s'; UPDATE {} SET stop_requested = true",
            self.relations.state
        );
        let asked =
            self.stops_when_asked && client.is_some_and(|client| client.batch_execute(&request).is_ok());
        if !asked {
            // A failure to cancel leaves the step running; it ends by itself, and whole.
            for token in tokens.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                let _ = self.target.cancel(token);
            }
        }
    }

    /// One more session for the step; it ends when nothing is left or it is one too many.
    fn work(
        &self,
        number: usize,
        statement: &str,
        tokens: &Mutex<Vec<CancelToken>>,
    ) -> Result<(), ApplyError> {
        let mut client = self.target.open()?;
        let token = client.cancel_token();
        tokens.lock().unwrap_or_else(PoisonError::into_inner).push(token);
        client.batch_execute(&format!(
            "SET pgcleave.worker = {number}; SET lock_timeout = '5s'"
        ))?;
        Ok(client.batch_execute(statement)?)
    }
}

/// The other sessions of the step; worker 0 is its own session.
struct Workers<'scope, 'env> {
    watch: &'env Watch,
    tokens: &'env Mutex<Vec<CancelToken>>,
    running: Vec<(usize, ScopedJoinHandle<'scope, Result<(), ApplyError>>)>,
    failures: usize,
}

impl<'scope, 'env> Workers<'scope, 'env> {
    /// As many as the settings say at the moment.
    fn keep_up(
        &mut self,
        scope: &'scope Scope<'scope, 'env>,
        client: &mut Client,
        reporter: &mut dyn Reporter,
    ) {
        let Some((stage, statement)) = &self.watch.parallel else {
            return;
        };
        self.reap(reporter);
        let Ok(Some(load)) = read_load(client, &self.watch.relations) else {
            return;
        };
        let at_work =
            read_stage(client, &self.watch.relations).is_ok_and(|position| position.stage == *stage);
        if !at_work || self.failures > MAX_FAILURES {
            return;
        }
        for number in 1..usize::try_from(load.jobs).unwrap_or(1) {
            if self.running.iter().all(|(running, _)| *running != number) {
                let (watch, tokens) = (self.watch, self.tokens);
                let worker = scope.spawn(move || watch.work(number, statement, tokens));
                self.running.push((number, worker));
            }
        }
    }

    /// Says what became of those that have ended.
    fn reap(&mut self, reporter: &mut dyn Reporter) {
        let (ended, running) = self
            .running
            .drain(..)
            .partition(|(_, worker)| worker.is_finished());
        self.running = running;
        let ended: Vec<(usize, ScopedJoinHandle<'_, _>)> = ended;
        for (number, worker) in ended {
            let failed = match worker.join() {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it panicked".to_owned(),
            };
            self.failures += 1;
            reporter.notice(&format!(
                "session {number} of this step failed, and what it didn't commit is done again: {failed}"
            ));
        }
    }
}
