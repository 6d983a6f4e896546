//! The writers together: started, held and sent home.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use postgres::{Client, NoTls};

use super::DemoError;
use super::sample::Subject;
use super::work::Work;
use super::writers::{Book, Writer, isolation_of};

/// Lets writers through, holds them, or sends them home.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    closed: bool,
    over: bool,
    /// Writers outside the gate: in a transaction, or about to be.
    busy: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    Go,
    Home,
}

impl Gate {
    /// Waits while the gate is closed.
    pub fn pass(&self) -> Pass {
        let mut state = lock(&self.state);
        while state.closed && !state.over {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.over {
            return Pass::Home;
        }
        state.busy += 1;
        Pass::Go
    }

    /// To be held while a transaction is under way.
    pub fn busy(&self) -> Busy<'_> {
        Busy(self)
    }

    fn done(&self) {
        lock(&self.state).busy -= 1;
        self.changed.notify_all();
    }

    fn set(&self, change: impl FnOnce(&mut GateState)) {
        change(&mut lock(&self.state));
        self.changed.notify_all();
    }

    fn wait_until_idle(&self) {
        let mut state = lock(&self.state);
        while state.busy > 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A writer that panics must not keep the others from being heard.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says that the transaction is over even when its thread panics.
pub struct Busy<'a>(&'a Gate);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

/// All the writers.
#[derive(Debug)]
pub struct Crew {
    gate: Arc<Gate>,
    books: Vec<Arc<Mutex<Book>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    /// Connects them and sets them to work.
    pub fn start(url: &str, subject: &Subject, rows: i64, count: usize) -> Result<Self, DemoError> {
        let gate = Arc::new(Gate::default());
        let mut crew = Self {
            gate,
            books: Vec::new(),
            threads: Vec::new(),
        };
        for number in 0..count {
            let book = Arc::new(Mutex::new(Book::default()));
            let mut client = Client::connect(url, NoTls)?;
            let work = Work::prepare(&mut client, subject, number, count, rows)?;
            let isolation = isolation_of(number);
            let (gate, url) = (Arc::clone(&crew.gate), url.to_owned());
            let mut writer = Writer {
                url,
                client,
                work,
                isolation,
                book: Arc::clone(&book),
            };
            crew.books.push(book);
            crew.threads.push(std::thread::spawn(move || writer.write(&gate)));
        }
        Ok(crew)
    }

    /// Holds the writers while `task` runs, with nothing in flight.
    pub fn pause<T>(&self, task: impl FnOnce(&[Arc<Mutex<Book>>]) -> T) -> T {
        self.gate.set(|state| state.closed = true);
        self.gate.wait_until_idle();
        let result = task(&self.books);
        self.gate.set(|state| state.closed = false);
        result
    }

    /// Sends them home and takes their books.
    pub fn finish(mut self) -> Vec<Book> {
        let lost = self.go_home();
        let mut books: Vec<Book> = self
            .books
            .iter()
            .map(|book| std::mem::take(&mut *lock(book)))
            .collect();
        if let Some(book) = books.first_mut() {
            book.errors += lost;
        }
        books
    }

    /// How many threads panicked.
    fn go_home(&mut self) -> u64 {
        self.gate.set(|state| state.over = true);
        self.threads
            .drain(..)
            .map(|thread| u64::from(thread.join().is_err()))
            .sum()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.go_home();
    }
}
