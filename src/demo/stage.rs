//! The acts of the demo, in their order.

use std::time::{Duration, Instant};

use postgres::Client;

use super::check::{self, Check, Other};
use super::crew::Crew;
use super::phases::{Pause, Phase, Window};
use super::report::{Outcome, Seconds};
use super::sample::{NOTES_GUARDED, Origin, Subject};
use super::verbs::Pgcleave;
use super::{DemoError, Options};

/// How long the writers are watched where nothing else sets the time.
const WATCH: Duration = Duration::from_secs(3);

/// Everything that the acts need.
pub struct Stage<'a> {
    pub program: Pgcleave,
    pub table: String,
    pub subject: Subject,
    pub client: Client,
    pub crew: Crew,
    pub interrupted: &'a dyn Fn() -> bool,
    pub talk: &'a mut dyn FnMut(&str),
    pub checks: Vec<Check>,
}

impl Stage<'_> {
    /// Converts, rolls back and converts again.
    pub fn play(
        mut self,
        options: &Options,
        rows: i64,
        server_version: String,
    ) -> Result<Outcome, DemoError> {
        // Connections and caches are warm after that.
        watch_for(Duration::from_secs(1));
        let before = watch_for(WATCH);
        let (table, key) = (self.table.clone(), self.subject.key.as_str().to_owned());
        let mut arguments = vec![
            "generate",
            &table,
            "--key",
            &key,
            "--interval",
            &options.interval,
            "--yes",
        ];
        let unique = options.unique.iter().map(|choice| ["--unique", choice]);
        let incoming = options.incoming.iter().map(|choice| ["--incoming", choice]);
        arguments.extend(unique.chain(incoming).flatten());
        if self.subject.origin == Origin::Sample {
            arguments.extend(NOTES_GUARDED);
        }
        let generate = self.verb(&arguments)?;
        let trigger = self.apply("install_sync_trigger")?;
        let copy = self.apply("run_batch_copy")?;
        let indexes = self.apply("build_indexes")?;
        let catch_up = self.apply("catch_up")?;
        let switch = self.apply("keep_in_step")?;
        let in_step = Window {
            start: switch.end,
            end: self.apply("verify_copy")?.end,
        };
        let in_step = in_step.until(watch_rest(in_step));
        let cutover = self.apply("cut_over")?;
        let after_cutover = watch_for(WATCH);
        self.check("the cutover", Other::Retired)?;
        let rollback = self.verb(&["rollback", &table, "--to", "verify_copy", "--yes"])?;
        let after_rollback = watch_for(WATCH);
        self.check("the rollback", Other::Copy)?;
        let again = self.apply("cut_over")?;
        let after_again = watch_for(WATCH);
        self.check("the second cutover", Other::Retired)?;

        let books = self.crew.finish();
        let measure = |name, window| Phase::measure(name, window, &books);
        let pause = |at, window| Pause::measure(at, window, &books);
        let copying = Window {
            start: trigger.end,
            end: copy.end,
        };
        let mut outcome = Outcome {
            server_version,
            table,
            rows,
            writers: options.writers,
            seconds: Seconds {
                copy: copy.seconds(),
                indexes: indexes.seconds(),
                catch_up: catch_up.seconds(),
                total: generate.until(cutover).seconds(),
            },
            phases: vec![
                measure("before", before),
                measure("batch copy", copying),
                measure("indexes", indexes),
                measure("catch-up", catch_up),
                measure("in step", in_step),
                measure("after the cutover", after_cutover),
                measure("after the rollback", after_rollback),
                measure("after the second cutover", after_again),
            ],
            pauses: vec![
                pause("switch", switch),
                pause("cutover", cutover),
                pause("rollback", rollback),
                pause("second cutover", again),
            ],
            checks: self.checks,
            commits: 0,
            errors: 0,
            first_errors: Vec::new(),
            serialization_failures: 0,
            missed: 0,
            refused_moves: 0,
            limits: limits(self.subject.origin),
            kept: None,
        };
        outcome.count(&books);
        Ok(outcome)
    }

    fn apply(&mut self, step: &str) -> Result<Window, DemoError> {
        let table = self.table.clone();
        self.verb(&["apply", &table, "--yes", "--through", step])
    }

    fn verb(&mut self, arguments: &[&str]) -> Result<Window, DemoError> {
        if (self.interrupted)() {
            return Err(DemoError::Interrupted);
        }
        let result = self.program.run(arguments);
        // Ctrl-C reaches the verb as well; its complaint says nothing more.
        if result.is_err() && (self.interrupted)() {
            return Err(DemoError::Interrupted);
        }
        let window = result?;
        (self.talk)(&format!(
            "pgcleave {} ({:.1} s)",
            arguments.join(" "),
            window.seconds()
        ));
        Ok(window)
    }

    fn check(&mut self, after: &'static str, other: Other) -> Result<(), DemoError> {
        (self.talk)(&format!(
            "comparing the content after {after} with what the writers committed"
        ));
        let (client, subject) = (&mut self.client, &self.subject);
        let check = self
            .crew
            .pause(|books| check::compare(client, subject, books, after, other))?;
        self.checks.push(check);
        Ok(())
    }
}

fn limits(origin: Origin) -> Option<&'static str> {
    match origin {
        Origin::Sample => None,
        Origin::Files => Some(
            "The writers know nothing of this table: they rewrote rows and moved keys, and neither inserted nor deleted.",
        ),
    }
}

fn watch_for(duration: Duration) -> Window {
    let start = Instant::now();
    std::thread::sleep(duration);
    Window {
        start,
        end: Instant::now(),
    }
}

/// Goes on watching until the window is as long as the others.
fn watch_rest(window: Window) -> Window {
    watch_for(WATCH.saturating_sub(window.end - window.start))
}
