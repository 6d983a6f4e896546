//! What is read by which session: slices of both sides, and the sessions that read them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use postgres::{CancelToken, Client};

use super::resume::{Found, Recorder};
use super::snapshot::Snapshot;
use super::sums::{self, Group, Sums};
use super::{Options, Progress, Subject, sides};
use crate::apply::failure::ApplyError;
use crate::db::connect::Target;
use crate::sql::QualifiedName;

/// Blocks that one query reads (64 MiB at 8 KiB a block).
const SLICE_BLOCKS: i64 = 8192;
/// A slice whose connection was lost is read again so often.
const MAX_TRIES: u32 = 3;

/// A piece of one side.
#[derive(Debug, Clone)]
struct Task {
    /// 0 leads, 1 follows.
    side: usize,
    /// The part that it belongs to; `None` where its rows may belong to any.
    part: Option<usize>,
    relation: String,
    condition: String,
    /// For the progress only.
    blocks: i64,
}

/// Everything to be read.
pub(super) struct Units {
    tasks: Vec<Task>,
    /// Parts are read one after another, each by its range of the key.
    pub are_resumable: bool,
}

/// Part by part where an index serves the ranges of the key; else by block ranges, which reads each side
/// just once, in its physical order.
pub(super) fn plan(
    snapshot: &mut Snapshot,
    subject: &Subject,
    options: &Options,
    found_before: &BTreeMap<usize, Found>,
) -> Result<Units, ApplyError> {
    let ranged = subject.bounds.is_some() && is_ordered_by_key(snapshot, subject)?;
    let settled = snapshot.settled(subject);
    if !ranged && options.only.is_none() {
        return Ok(Units {
            tasks: slices(snapshot, &settled)?,
            are_resumable: false,
        });
    }
    let wanted = |part: &usize| {
        !found_before.contains_key(part) && options.only.as_ref().is_none_or(|only| only.contains(part))
    };
    let blocks = total_blocks(snapshot)? / (2 * subject.parts.len() as i64).max(1);
    let roots = sides(snapshot).map(ToString::to_string);
    let tasks = (0..subject.parts.len()).filter(wanted).flat_map(|part| {
        let condition = format!("{} AND {settled}", sums::is_in(subject, part));
        [0, 1].map(|side| Task {
            side,
            part: Some(part),
            relation: roots[side].clone(),
            condition: condition.clone(),
            blocks,
        })
    });
    Ok(Units {
        tasks: tasks.collect(),
        are_resumable: ranged && !snapshot.is_logging,
    })
}

/// Whether the unpartitioned side can be read by ranges of the key without jumping about in it
/// (`pg_stats.correlation`).
fn is_ordered_by_key(snapshot: &mut Snapshot, subject: &Subject) -> Result<bool, ApplyError> {
    let table = if snapshot.is_cut_over {
        &snapshot.follower
    } else {
        &snapshot.leader
    };
    let row = snapshot.client.query_one(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a
                            ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                         WHERE i.indrelid = $1::text::regclass AND a.attname = $2 AND i.indisvalid AND i.indpred IS NULL)
                AND coalesce((SELECT abs(correlation) > 0.9 FROM pg_catalog.pg_stats
                               WHERE schemaname = $3 AND tablename = $4 AND attname = $2 AND NOT inherited), false)",
        &[
            &table.to_string(),
            &subject.key.as_str(),
            &table.schema.as_str(),
            &table.name.as_str(),
        ],
    )?;
    Ok(row.get(0))
}

/// Block ranges of every table that holds rows, on both sides.
fn slices(snapshot: &mut Snapshot, settled: &str) -> Result<Vec<Task>, ApplyError> {
    let mut tasks = Vec::new();
    for side in [0, 1] {
        let root = sides(snapshot)[side].clone();
        for (relation, blocks) in leaves(&mut snapshot.client, &root)? {
            let mut first = 0;
            while first < blocks {
                let last = (first + SLICE_BLOCKS).min(blocks);
                tasks.push(Task {
                    side,
                    part: None,
                    relation: format!("ONLY {relation}"),
                    condition: format!(
                        "t.ctid >= '({first},0)'::tid AND t.ctid < '({last},0)'::tid AND {settled}"
                    ),
                    blocks: last - first,
                });
                first = last;
            }
        }
    }
    Ok(tasks)
}

/// The tables that hold the rows, as quoted SQL, with their blocks. Every row that the snapshot sees
/// stands in one of these blocks, as they are counted after it was taken.
fn leaves(client: &mut Client, root: &QualifiedName) -> Result<Vec<(String, i64)>, ApplyError> {
    let rows = client.query(
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname),
                pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind = 'r' AND (c.oid = $1::text::regclass
                OR c.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::text::regclass) WHERE isleaf))
          ORDER BY c.oid",
        &[&root.to_string()],
    )?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn total_blocks(snapshot: &mut Snapshot) -> Result<i64, ApplyError> {
    let roots = sides(snapshot).map(Clone::clone);
    let mut total = 0;
    for root in &roots {
        total += leaves(&mut snapshot.client, root)?
            .iter()
            .map(|(_, blocks)| blocks)
            .sum::<i64>();
    }
    Ok(total)
}

/// What a session says of its task: the sums of each part in it.
type Outcome = Result<(Task, Vec<(usize, Sums)>), ApplyError>;

/// Reads everything; the sums of both sides per part.
pub(super) fn run(
    target: &Target,
    subject: &Subject,
    snapshot: &mut Snapshot,
    units: Units,
    options: &Options,
    progress: Progress<'_>,
    recorder: &mut Recorder<'_>,
) -> Result<Vec<[Sums; 2]>, ApplyError> {
    let total: i64 = units.tasks.iter().map(|task| task.blocks).sum();
    let mut waiting = units.tasks.len();
    let mut unread: BTreeMap<usize, usize> = BTreeMap::new();
    for part in units.tasks.iter().filter_map(|task| task.part) {
        *unread.entry(part).or_default() += 1;
    }
    let mut sums = vec![[Sums::default(); 2]; subject.parts.len()];
    let desk = Desk {
        target,
        subject,
        join: snapshot.join.clone(),
        queue: Mutex::new(VecDeque::from(units.tasks)),
        tokens: Mutex::default(),
        interrupted: &options.interrupted,
    };
    let (tell, told) = mpsc::channel::<Outcome>();
    let mut done = 0;
    thread::scope(|scope| {
        for _ in 0..options.jobs.min(waiting).max(1) {
            let (tell, desk) = (tell.clone(), &desk);
            scope.spawn(move || desk.work(&tell));
        }
        drop(tell);
        while waiting > 0 {
            let outcome = told.recv_timeout(Duration::from_millis(300));
            if options.interrupted.load(Ordering::Relaxed) {
                desk.cancel_all();
                return Err(ApplyError::VerificationInterrupted);
            }
            snapshot.keep_alive().inspect_err(|_| desk.cancel_all())?;
            let (task, found) = match outcome {
                Ok(outcome) => outcome.inspect_err(|_| desk.cancel_all())?,
                Err(RecvTimeoutError::Timeout) => continue,
                // Every session has ended and something is left, which only Ctrl-C does.
                Err(RecvTimeoutError::Disconnected) => return Err(ApplyError::VerificationInterrupted),
            };
            waiting -= 1;
            done += task.blocks;
            for (part, found) in &found {
                sums[*part][task.side].add(found);
            }
            progress(done.unsigned_abs(), total.unsigned_abs());
            if let Some(left) = task.part.and_then(|part| unread.get_mut(&part)) {
                *left -= 1;
                if let (0, Some(part)) = (*left, task.part) {
                    recorder.part_is_read(part, &sums[part]);
                }
            }
        }
        Ok(sums)
    })
}

/// What the sessions share.
struct Desk<'a> {
    target: &'a Target,
    subject: &'a Subject,
    /// What a session says to read the snapshot.
    join: String,
    queue: Mutex<VecDeque<Task>>,
    tokens: Mutex<Vec<CancelToken>>,
    interrupted: &'a AtomicBool,
}

impl Desk<'_> {
    /// One session: task after task, until none is left, one fails or Ctrl-C was pressed.
    fn work(&self, tell: &mpsc::Sender<Outcome>) {
        let mut client = None;
        while !self.interrupted.load(Ordering::Relaxed) {
            let Some(task) = locked(&self.queue).pop_front() else {
                return;
            };
            let outcome = self.read_again(&mut client, task);
            let failed = outcome.is_err();
            if tell.send(outcome).is_err() || failed {
                return;
            }
        }
    }

    /// A lost connection costs one slice: another session joins the snapshot, which lives in another one.
    fn read_again(&self, client: &mut Option<Client>, task: Task) -> Outcome {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let result = self.read(client, &task);
            let closed = client.as_ref().is_none_or(Client::is_closed);
            match result {
                Ok(found) => return Ok((task, found)),
                Err(error) if attempt < MAX_TRIES && (closed || error.is_end_of_session()) => *client = None,
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&self, client: &mut Option<Client>, task: &Task) -> Result<Vec<(usize, Sums)>, ApplyError> {
        let client = match client {
            Some(client) => client,
            None => {
                let opened = client.insert(self.target.open()?);
                locked(&self.tokens).push(opened.cancel_token());
                // Both sides are locked at once: a lock asked for later would queue behind whoever waits for ours.
                opened
                    .batch_execute(&self.join)
                    .map_err(|error| ApplyError::step("verify", &error))?;
                opened
            }
        };
        // A subtransaction per slice, undone: it would keep a lock on each index that it has looked at.
        client.batch_execute("SAVEPOINT slice")?;
        let number = self.subject.part.to_string();
        let group = task.part.map_or(Group::By(&number), Group::Is);
        let found = sums::read(client, self.subject, &task.relation, &group, &task.condition)?;
        client.batch_execute("ROLLBACK TO SAVEPOINT slice; RELEASE SAVEPOINT slice")?;
        Ok(found)
    }

    /// Nobody waits for what is still being read. A failure to cancel leaves a reader that ends by itself.
    fn cancel_all(&self) {
        locked(&self.queue).clear();
        for token in locked(&self.tokens).iter() {
            let _ = self.target.cancel(token);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
