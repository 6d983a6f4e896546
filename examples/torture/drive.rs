//! Runs a verb until it is done, while things go wrong.

use std::process::Child;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use fastrand::Rng;

use crate::faults::{Fault, inject};
use crate::program::{Program, Said};
use crate::world::World;

/// A verb that needs more runs than this is stuck.
const MAX_RUNS: usize = 25;

/// A run that takes longer hangs.
const MAX_TIME: Duration = Duration::from_secs(150);

/// Faults in one verb; then it is let alone.
const MAX_FAULTS: usize = 4;

/// What may happen during a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    Peace,
    Anything,
}

/// How a run of a verb ended.
enum Verdict {
    Done,
    Again,
    Wrong(&'static str),
}

/// Drives pgcleave and the faults.
pub struct Driver {
    pub world: Arc<World>,
    pub program: Program,
    pub rng: Rng,
    pub fault_percent: u8,
    pub last: Option<Said>,
    background: Vec<JoinHandle<()>>,
}

impl Driver {
    pub fn new(world: Arc<World>, program: Program, fault_percent: u8) -> Self {
        let rng = Rng::with_seed(world.seed ^ 0xd21e);
        Self {
            world,
            program,
            rng,
            fault_percent,
            last: None,
            background: Vec::new(),
        }
    }

    /// Runs the same verb again and again until it ends with 0.
    pub fn until_done(&mut self, arguments: &[String], risk: Risk) -> Result<Said> {
        let mut faults = 0;
        for _ in 0..MAX_RUNS {
            let fault = self.draw(risk, faults);
            faults += usize::from(fault.is_some());
            let said = self.once(arguments, fault)?;
            match self.judge(&said, fault) {
                Verdict::Done => return Ok(said),
                Verdict::Again => thread::sleep(Duration::from_millis(self.rng.u64(0..300))),
                Verdict::Wrong(why) => bail!("{why}; fault {fault:?}\n{}", said.tell()),
            }
        }
        let last = self.last.as_ref().map(Said::tell).unwrap_or_default();
        bail!("not done after {MAX_RUNS} runs; the last:\n{last}")
    }

    fn draw(&mut self, risk: Risk, faults: usize) -> Option<Fault> {
        if risk == Risk::Peace || faults >= MAX_FAULTS || self.rng.u8(..100) >= self.fault_percent {
            return None;
        }
        Some(Fault::draw(&mut self.rng))
    }

    /// One run, with a fault at a random moment.
    pub fn once(&mut self, arguments: &[String], fault: Option<Fault>) -> Result<Said> {
        self.background.retain(|thread| !thread.is_finished());
        let mut child = self.program.start(arguments)?;
        let began = Instant::now();
        let mut pending = fault.map(|fault| (fault, self.moment(fault)));
        while child.try_wait()?.is_none() {
            if let Some((fault, _)) = pending.take_if(|(_, at)| began.elapsed() >= *at) {
                self.inject(fault, &mut child)?;
            }
            if began.elapsed() > MAX_TIME {
                child.kill()?;
                let said = self.program.said(&mut child, arguments)?;
                bail!("hangs for {MAX_TIME:?}\n{}", said.tell());
            }
            thread::sleep(Duration::from_millis(2));
        }
        let said = self.program.said(&mut child, arguments)?;
        self.last = Some(said.clone());
        Ok(said)
    }

    fn moment(&mut self, fault: Fault) -> Duration {
        match fault {
            // To be there before pgcleave asks for its lock.
            Fault::HoldLock | Fault::HoldSnapshot => Duration::from_millis(self.rng.u64(0..60)),
            // Squared: most steps are short.
            _ => Duration::from_secs_f64(self.rng.f64().powi(2) * 1.5),
        }
    }

    fn inject(&mut self, fault: Fault, child: &mut Child) -> Result<()> {
        // Bounded connections: one thing beside the verb at a time.
        if self.background.len() >= 2 && !fault.is_crash() {
            return Ok(());
        }
        if let Some(thread) = inject(&self.world, fault, child, &mut self.rng)? {
            self.background.push(thread);
        }
        Ok(())
    }

    fn judge(&self, said: &Said, fault: Option<Fault>) -> Verdict {
        let tally = &self.world.tally;
        if said.stderr.contains("please report") || said.stderr.contains("panicked") {
            return Verdict::Wrong("pgcleave says that it must never happen");
        }
        let shaken = self.world.is_shaken();
        match said.code {
            Some(0) => return Verdict::Done,
            None if fault == Some(Fault::KillProgram) && said.signal == Some(9) => return Verdict::Again,
            // Before pgcleave catches it.
            None if fault == Some(Fault::Interrupt) && said.signal == Some(2) => return Verdict::Again,
            Some(130) if fault == Some(Fault::Interrupt) => return Verdict::Again,
            Some(3) => return Verdict::Wrong("source and copy differ"),
            // Until the next catch-up there is nothing that a comparison could say, and verify says so.
            Some(1) if said.verb.starts_with("verify") && said.stderr.contains("a TRUNCATE waits") => {
                tally.count("comparisons put off by a TRUNCATE");
                return Verdict::Done;
            }
            _ => {}
        }
        if !said.stderr.contains("hint:") {
            tally.complain("answers without a hint", said.tell());
        }
        match said.code {
            Some(1 | 5) if shaken => {
                tally.count("verbs run again after a lost connection");
                Verdict::Again
            }
            Some(6) => {
                tally.count("verbs run again after exit code 6");
                Verdict::Again
            }
            Some(4) => Verdict::Wrong("refused without a reason of ours"),
            _ => Verdict::Wrong("failed without a reason of ours"),
        }
    }

    /// Waits for what still goes on beside.
    pub fn settle(&mut self) {
        for thread in self.background.drain(..) {
            let _ = thread.join();
        }
    }
}
