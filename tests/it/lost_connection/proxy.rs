//! A Unix socket between pgcleave and the server that cuts the first session at
//! a given frontend message. It knows of the protocol only where a message ends.

use std::io::{Read, Result, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

/// On which side of the frontend message the line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The server never gets it.
    Before,
    /// The server gets it, and nobody hears the answer.
    After,
}

/// Where the first session is cut; later ones pass through.
pub struct Scissors {
    pub cut: Cut,
    /// Number of the frontend message; 0 is the startup message.
    pub at: usize,
    /// What else happens at that moment.
    pub then: Box<dyn Fn() + Send + Sync>,
}

/// A running proxy; dropping it ends its listening.
pub struct Proxy {
    folder: TempDir,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: PathBuf,
    scissors: Option<Scissors>,
    messages: Mutex<Vec<String>>,
    was_cut: AtomicBool,
    /// Whether `then` has ended, too.
    cut_is_over: AtomicBool,
    ends: AtomicBool,
}

impl Proxy {
    pub fn start(upstream: PathBuf, scissors: Option<Scissors>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(socket(folder.path())).unwrap();
        let shared = Arc::new(Shared {
            upstream,
            scissors,
            messages: Mutex::default(),
            was_cut: AtomicBool::new(false),
            cut_is_over: AtomicBool::new(false),
            ends: AtomicBool::new(false),
        });
        let of_listener = Arc::clone(&shared);
        thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                let shared = Arc::clone(&of_listener);
                if shared.ends.load(Ordering::Relaxed) {
                    return;
                }
                thread::spawn(move || serve(&shared, client?, number == 0));
            }
        });
        Self { folder, shared }
    }

    /// A connection string for this database through the proxy.
    pub fn url(&self, database: &str) -> String {
        format!(
            "host={} user=postgres dbname={database}",
            self.folder.path().display()
        )
    }

    pub fn was_cut(&self) -> bool {
        self.shared.was_cut.load(Ordering::SeqCst)
    }

    /// Whether nothing of the cut is still to come.
    pub fn is_settled(&self) -> bool {
        !self.was_cut() || self.shared.cut_is_over.load(Ordering::SeqCst)
    }

    /// What the first session sent: a message's type and how its text begins.
    pub fn messages(&self) -> Vec<String> {
        self.shared.messages.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        let _ = UnixStream::connect(socket(self.folder.path()));
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join(".s.PGSQL.5432")
}

fn serve(shared: &Shared, client: UnixStream, is_first: bool) -> Result<()> {
    // No server: the client sees its connection closed.
    let server = UnixStream::connect(&shared.upstream)?;
    let is_deaf = Arc::new(AtomicBool::new(false));
    let (from, to, deaf) = (server.try_clone()?, client.try_clone()?, Arc::clone(&is_deaf));
    let answers = thread::spawn(move || pass_answers(from, to, &deaf));
    let result = pass_messages(shared, &client, &server, is_first, &is_deaf);
    // The server reads what it was sent, then finds the end.
    let _ = server.shutdown(Shutdown::Write);
    let _ = answers.join();
    result
}

/// Reads to the end even when nobody listens, so that the server never fails to send.
fn pass_answers(mut from: UnixStream, mut to: UnixStream, is_deaf: &AtomicBool) {
    let mut buffer = [0; 65536];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        if !is_deaf.load(Ordering::SeqCst) {
            let _ = to.write_all(&buffer[..bytes]);
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

fn pass_messages(
    shared: &Shared,
    mut client: &UnixStream,
    mut server: &UnixStream,
    is_first: bool,
    is_deaf: &AtomicBool,
) -> Result<()> {
    for number in 0.. {
        let message = read_message(&mut client, number == 0)?;
        if is_first {
            shared.messages.lock().unwrap().push(shown(&message));
        }
        let scissors = shared.scissors.as_ref().filter(|s| is_first && s.at == number);
        let Some(scissors) = scissors else {
            server.write_all(&message)?;
            continue;
        };
        shared.was_cut.store(true, Ordering::SeqCst);
        is_deaf.store(true, Ordering::SeqCst);
        if scissors.cut == Cut::After {
            server.write_all(&message)?;
        }
        (scissors.then)();
        shared.cut_is_over.store(true, Ordering::SeqCst);
        return client.shutdown(Shutdown::Both);
    }
    Ok(())
}

/// The first message has no type; every message has its length, which counts itself.
fn read_message(client: &mut impl Read, is_startup: bool) -> Result<Vec<u8>> {
    let header = if is_startup { 4 } else { 5 };
    let mut message = vec![0; header];
    client.read_exact(&mut message)?;
    let length = u32::from_be_bytes(message[header - 4..].try_into().unwrap());
    message.resize(header + length as usize - 4, 0);
    client.read_exact(&mut message[header..])?;
    Ok(message)
}

fn shown(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message).replace(|c: char| c.is_control(), " ");
    text.chars().take(100).collect()
}
