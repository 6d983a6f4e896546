//! An application's writers: single-row transactions, 40 % inserts, 40 % updates, 20 % deletes, by prepared statements,
//! each writer on rows of its own, picked at random.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use postgres::{Client, NoTls, Statement};

use crate::ground::Table;
use crate::subject::Subject;

/// How many there are, always.
pub const WRITERS: usize = 4;

/// Until caches and plans are there.
const WARM_UP: Duration = Duration::from_millis(700);

/// When the next write is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    Unthrottled,
    /// So many a second, of all together: each write has its time, whatever became of the one before it.
    Rate(f64),
}

/// How an UPDATE or DELETE names its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finds {
    /// As an application does that knows nothing of partitions.
    ById,
    /// With the partition key, so that other partitions needn't be looked at.
    ByIdAndKey,
}

/// One write that was committed.
#[derive(Debug, Clone, Copy)]
pub struct Write {
    pub due: Instant,
    pub sent: Instant,
    pub done: Instant,
}

/// From one moment to another.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub start: Instant,
    pub end: Instant,
}

impl Window {
    pub fn seconds(&self) -> f64 {
        (self.end - self.start).as_secs_f64()
    }

    fn holds(&self, moment: Instant) -> bool {
        moment >= self.start && moment < self.end
    }
}

/// Writers at work.
pub struct Crew {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<Vec<Write>>>>,
}

impl Crew {
    /// Returns once all of them write, warmed up.
    ///
    /// # Errors
    /// When one can't connect.
    pub fn start(table: &Table, pace: Pace, finds: Finds) -> Result<Self> {
        let (stop, ready) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Barrier::new(WRITERS + 1)),
        );
        let mut hands = Vec::new();
        for number in 0..WRITERS {
            hands.push(Hand::connect(table, number, finds)?);
        }
        let work = |mut hand: Hand| {
            let (stop, ready) = (Arc::clone(&stop), Arc::clone(&ready));
            thread::spawn(move || {
                ready.wait();
                hand.work(pace, &stop)
            })
        };
        let threads = hands.into_iter().map(work).collect();
        ready.wait();
        thread::sleep(WARM_UP);
        Ok(Self { stop, threads })
    }

    /// What they committed since they began, in the order of the ends.
    ///
    /// # Errors
    /// The first error that one of them saw: none may happen.
    pub fn finish(mut self) -> Result<Vec<Write>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut writes = Vec::new();
        for thread in std::mem::take(&mut self.threads) {
            let done = thread.join().map_err(|_| anyhow!("a writer panicked"))?;
            writes.extend(done.context("a writer's statement failed")?);
        }
        writes.sort_by_key(|write| write.done);
        Ok(writes)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Lets them write for that long.
///
/// # Errors
/// As [`Crew::start`] and [`Crew::finish`].
pub fn watch(table: &Table, pace: Pace, finds: Finds, time: Duration) -> Result<(Window, Vec<Write>)> {
    let crew = Crew::start(table, pace, finds)?;
    let start = Instant::now();
    thread::sleep(time);
    let end = Instant::now();
    Ok((Window { start, end }, crew.finish()?))
}

/// Those that were committed within the window.
pub fn within(writes: &[Write], window: Window) -> Vec<Write> {
    writes
        .iter()
        .filter(|write| window.holds(write.done))
        .copied()
        .collect()
}

/// Commits a second.
pub fn rate(writes: &[Write], window: Window) -> f64 {
    within(writes, window).len() as f64 / window.seconds()
}

/// The longest time in which nobody committed anything, in ms.
pub fn longest_gap(writes: &[Write], window: Window) -> f64 {
    let ends = within(writes, window).into_iter().map(|write| write.done);
    let marks: Vec<Instant> = [window.start]
        .into_iter()
        .chain(ends)
        .chain([window.end])
        .collect();
    let gaps = marks.windows(2).map(|pair| pair[1] - pair[0]);
    milliseconds(gaps.max().unwrap_or_default())
}

/// The longest single write that any part of fell into the window, in ms.
pub fn longest_write(writes: &[Write], window: Window) -> f64 {
    let met = writes
        .iter()
        .filter(|write| write.done >= window.start && write.sent < window.end);
    milliseconds(met.map(|write| write.done - write.sent).max().unwrap_or_default())
}

/// A percentile of the window's latencies in ms, counted by `of`.
pub fn percentile(writes: &[Write], window: Window, share: f64, of: impl Fn(&Write) -> Duration) -> f64 {
    let mut times: Vec<Duration> = within(writes, window).iter().map(of).collect();
    times.sort();
    let at = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
    milliseconds(times.get(at).copied().unwrap_or_default())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// One writer.
struct Hand {
    client: Client,
    subject: Subject,
    number: usize,
    insert: Statement,
    update: Statement,
    delete: Statement,
    finds: Finds,
    random: fastrand::Rng,
    gone: HashSet<i64>,
}

impl Hand {
    fn connect(table: &Table, number: usize, finds: Finds) -> Result<Self> {
        let mut client = Client::connect(&table.database.url(), NoTls)?;
        let shape = table.subject.shape;
        let insert = client.prepare(&format!(
            "INSERT INTO public.events ({}, created_at) VALUES ({}, now())",
            shape.names(),
            shape.values("$1::bigint")
        ))?;
        let found = match finds {
            Finds::ById => "id = $1",
            Finds::ByIdAndKey => "id = $1 AND created_at = $2",
        };
        let update = format!("UPDATE public.events SET amount = amount + 1.25 WHERE {found}");
        Ok(Self {
            insert,
            update: client.prepare(&update)?,
            delete: client.prepare(&format!("DELETE FROM public.events WHERE {found}"))?,
            client,
            subject: table.subject,
            number,
            finds,
            random: fastrand::Rng::new(),
            gone: HashSet::new(),
        })
    }

    fn work(&mut self, pace: Pace, stop: &AtomicBool) -> Result<Vec<Write>> {
        let (begin, mut writes) = (Instant::now(), Vec::new());
        for turn in 0_u32.. {
            let due = self.wait(pace, begin, turn);
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let sent = Instant::now();
            if self.write()? == 1 {
                let done = Instant::now();
                writes.push(Write { due, sent, done });
            }
        }
        Ok(writes)
    }

    /// Until the write is due.
    fn wait(&self, pace: Pace, begin: Instant, turn: u32) -> Instant {
        let Pace::Rate(rate) = pace else {
            return Instant::now();
        };
        let place = f64::from(turn) * WRITERS as f64 + self.number as f64;
        let due = begin + Duration::from_secs_f64(place / rate);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due
    }

    /// Rows that changed: none where an earlier crew has deleted the row.
    fn write(&mut self) -> Result<u64> {
        let kind = self.random.u32(0..10);
        if kind < 4 {
            let number = self.random.i64(0..1_000_000_000);
            return Ok(self.client.execute(&self.insert, &[&number])?);
        }
        let id = self.row();
        let statement = if kind < 8 { &self.update } else { &self.delete };
        if kind >= 8 {
            self.gone.insert(id);
        }
        match self.finds {
            Finds::ById => Ok(self.client.execute(statement, &[&id])?),
            Finds::ByIdAndKey => {
                let created_at = self.subject.created_at(id);
                Ok(self.client.execute(statement, &[&id, &created_at])?)
            }
        }
    }

    /// A row of the first ones that is this writer's and that it hasn't deleted.
    fn row(&mut self) -> i64 {
        let (writers, number) = (WRITERS as i64, self.number as i64);
        loop {
            let id = 1 + number + writers * self.random.i64(0..self.subject.shape.rows / writers);
            if !self.gone.contains(&id) {
                return id;
            }
        }
    }
}
