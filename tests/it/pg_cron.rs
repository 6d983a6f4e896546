//! `--copy pg_cron`: a real pg_cron copies and catches up, by its connections and by its background workers.
//!
//! A job begins with a full minute, so that one test does everything that needs pg_cron's own run at once. Long because
//! it is one thing: that test, and what stands in pg_cron's way.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pgcleave::server::Server;
use postgres::{Client, NoTls};
use serde_json::Value;

use crate::squawk;
use crate::support::{Database, Pgcleave, Said, programs, wait_until};

/// A server with pg_cron, whose roles may use it.
struct Site {
    server: Server,
}

impl Site {
    fn start(background_workers: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        drop(listener);
        let settings = [
            ("listen_addresses", "127.0.0.1"),
            ("port", port.as_str()),
            ("shared_preload_libraries", "pg_cron"),
            ("cron.host", "127.0.0.1"),
            ("cron.use_background_workers", background_workers),
        ];
        let server = Server::start(&programs(), &settings).unwrap_or_else(|error| {
            panic!("{error}; hint: without pg_cron, install it for that server (make test does on Debian)")
        });
        let site = Self { server };
        site.run_sql("CREATE EXTENSION pg_cron; CREATE ROLE ann LOGIN; CREATE ROLE ben LOGIN; GRANT USAGE ON SCHEMA cron TO ann; GRANT pg_read_all_stats, pg_read_all_settings TO ann;
            GRANT ann TO ben;
            CREATE SCHEMA app AUTHORIZATION ann; GRANT CREATE ON DATABASE postgres TO ann");
        site
    }

    fn url(&self, role: &str) -> String {
        self.server
            .url("postgres")
            .replacen("postgres@", &format!("{role}@"), 1)
    }

    fn client(&self, role: &str) -> Client {
        Client::connect(&self.url(role), NoTls).unwrap()
    }

    fn run_sql(&self, sql: &str) {
        self.client("postgres")
            .batch_execute(sql)
            .unwrap_or_else(|e| panic!("{e:?}\n{sql}"));
    }

    fn line(&self, sql: &str) -> String {
        let row = self
            .client("postgres")
            .query_one(sql, &[])
            .unwrap_or_else(|e| panic!("{e:?}\n{sql}"));
        row.get::<_, Option<String>>(0).unwrap_or_default()
    }

    /// A table of ann's with 3,000 rows, and its migrations.
    fn table(&self, name: &str) -> Table<'_> {
        self.run_sql(&format!(
            "CREATE TABLE app.{name} (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
             INSERT INTO app.{name} SELECT i, repeat('x', 300), date_trunc('month', now()) - i * interval '1 hour' FROM generate_series(1, 3000) i;
             ALTER TABLE app.{name} OWNER TO ann; ANALYZE app.{name}"
        ));
        let table = Table {
            site: self,
            name: name.to_owned(),
            pgcleave: Pgcleave::at(self.url("ann")),
        };
        let generate = [
            "-q",
            "generate",
            &table.full(),
            "--key",
            "at",
            "--interval",
            "monthly",
        ];
        table
            .pgcleave
            .ok(&[&generate[..], &["--copy", "pg_cron", "--batch-size", "8"]].concat());
        squawk::assert_only_what_headers_say(&table.pgcleave.files(".up.sql"));
        table
    }
}

/// A table that is converted by a role of its own.
struct Table<'a> {
    site: &'a Site,
    name: String,
    pgcleave: Pgcleave,
}

impl Table<'_> {
    fn full(&self) -> String {
        format!("app.{}", self.name)
    }

    fn apply(&self, flags: &[&str]) -> Said {
        self.pgcleave.ok(&[&["apply", "--yes"], flags].concat())
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.pgcleave.ok(&["status", "--format", "json"]).stdout).unwrap()
    }

    fn stage(&self) -> String {
        self.status()["stage"].as_str().unwrap().to_owned()
    }

    /// What pg_cron would call at the next full minute.
    fn work(&self) {
        let call = format!("CALL app.{}_pgcleave_work()", self.name);
        self.site.client("ann").batch_execute(&call).unwrap();
    }

    /// In the last second of a minute a run does nothing.
    fn work_until(&self, stage: &str) {
        wait_until(stage, || {
            self.work();
            self.stage() == stage
        });
    }

    fn run_file(&self, role: &str, name: &str) -> Result<(), postgres::Error> {
        let text = std::fs::read_to_string(&self.pgcleave.files(name)[0]).unwrap();
        self.site.client(role).batch_execute(&text)
    }

    fn refuses(&self, role: &str, name: &str) -> String {
        let error = self.run_file(role, name).unwrap_err();
        error
            .as_db_error()
            .unwrap_or_else(|| panic!("{error:?}"))
            .message()
            .to_owned()
    }

    fn jobs(&self) -> String {
        self.site.line(&format!(
            "SELECT string_agg(concat_ws(' ', jobname, schedule, command, username, active), '; ') FROM cron.job WHERE command LIKE '%\"{}\\_%'",
            self.name
        ))
    }

    fn leftovers(&self) -> String {
        self.site.line(&format!(
            "SELECT string_agg(name, ' ') FROM (SELECT relname::text FROM pg_class UNION ALL SELECT proname::text FROM pg_proc
                UNION ALL SELECT tgname || ' of ' || tgrelid::regclass FROM pg_trigger) AS found (name)
              WHERE name LIKE '%{}%pgcleave%' OR name LIKE '%pgcleave%{0}%'",
            self.name
        ))
    }

    fn rows_copied(&self) -> i64 {
        self.status()["rows_copied"].as_i64().unwrap()
    }

    fn sessions_at_work(&self) -> String {
        self.site.line(&format!(
            "SELECT count(*)::text FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query = 'CALL \"app\".\"{}_pgcleave_work\"()' AND state = 'active'",
            self.name
        ))
    }
}

/// Changes of all kinds until it is told to stop; most rows stay as they are, so that there is something to copy.
fn write(site: &Site, tables: &[&str], stop: &AtomicBool) {
    let mut client = site.client("ann");
    let mut id = 10_000;
    while !stop.load(Ordering::Relaxed) {
        for table in tables {
            let sql = format!(
                "INSERT INTO app.{table} VALUES ({id}, 'w', now()); UPDATE app.{table} SET at = at - interval '1 month' WHERE id IN ({id} - 3, {id} % 300);
                 UPDATE app.{table} SET note = 'x' WHERE id IN ({id} - 5, {id} % 500); DELETE FROM app.{table} WHERE id IN ({id} - 7, {id} % 400)"
            );
            client
                .batch_execute(&sql)
                .unwrap_or_else(|e| panic!("{e:?}\n{sql}"));
        }
        id += 1;
        thread::sleep(Duration::from_millis(10));
    }
}

/// Also where the test fails.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Up to the next full minute and a bit.
fn wait_for_pg_cron(what: &str, mut is_true: impl FnMut() -> bool) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(75) {
        if is_true() {
            return;
        }
        thread::sleep(Duration::from_millis(200));
    }
    panic!("waited in vain for {what}");
}

fn pg_cron_copies_and_catches_up(background_workers: &str) {
    let site = Site::start(background_workers);
    let tables = ["copied", "caught", "undone"];
    let [copied, caught, undone] = tables.map(|name| site.table(name));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| write(&site, &tables, &stop));
        let stop_at_end = StopAtEnd(&stop);
        // One has its indexes already, one will be slow.
        caught.apply(&["--through", "schedule_copy"]);
        caught.work_until("copied");
        caught.apply(&["--through", "build_indexes"]);
        undone.apply(&[
            "--through",
            "schedule_copy",
            "--batch-target",
            "1ms",
            "--sleep",
            "200ms",
        ]);
        stops_at_what_is_pg_cron_s(&copied);

        wait_for_pg_cron("the catch-up", || caught.stage() == "caught_up");
        wait_for_pg_cron("a few batches", || undone.rows_copied() > 0);
        a_run_under_way_ends_when_its_job_is_removed(&undone);
        wait_for_pg_cron("the copy", || copied.stage() == "copied");
        status_tells_of_the_runs(&copied);

        there_and_back(&caught, Then::Back);
        there_and_back(&copied, Then::Drop);
        drop(stop_at_end);
        writer.join().unwrap();
    });
}

/// After `schedule_copy` there is nothing to do but to wait.
fn stops_at_what_is_pg_cron_s(table: &Table) {
    let said = table.apply(&[]);
    assert!(
        said.stdout.contains("schedule_copy") && !said.stdout.contains("build_indexes"),
        "{}",
        said.stdout
    );
    assert!(
        said.stderr.contains("pg_cron copies: 0 rows so far") && said.stderr.contains("* * * * *, active"),
        "{}",
        said.stderr
    );
    let name = &table.name;
    assert_eq!(
        table.jobs(),
        format!("pgcleave app.{name} * * * * * CALL \"app\".\"{name}_pgcleave_work\"() ann t")
    );
    assert_eq!(
        table.refuses("ann", "build_indexes.up.sql"),
        "the batch copy is not complete"
    );
    assert_eq!(
        table.refuses("ann", "unschedule_copy.up.sql"),
        "the batch copy is not complete"
    );
    let said = table.pgcleave.run(&["verify"]);
    assert!(said.stderr.contains("pg_cron does it"), "{}", said.stderr);
    let status = table.pgcleave.ok(&["status"]).stdout;
    assert!(
        status.contains("no run yet") && status.contains("wait for pg_cron's job; next: pgcleave apply app."),
        "{status}"
    );
}

fn a_run_under_way_ends_when_its_job_is_removed(table: &Table) {
    assert_eq!(table.sessions_at_work(), "1", "{}", table.status());
    table
        .pgcleave
        .ok(&["-q", "rollback", "--yes", "--to", "create_batch_copy_procedure"]);
    assert_eq!(table.jobs(), "");
    wait_until("the end of the run", || table.sessions_at_work() == "0");
    let copied = format!(
        "SELECT (SELECT count(*) FROM app.{0}_pgcleave_copy) || ' ' || (SELECT count(*) FROM app.{0}_pgcleave_segments)",
        table.name
    );
    assert_eq!(table.site.line(&copied), "0 0");
    table.pgcleave.ok(&["-q", "rollback", "--yes"]);
    assert_eq!(table.leftovers(), "");
}

fn status_tells_of_the_runs(table: &Table) {
    wait_for_pg_cron("the run's record", || {
        table.status()["pg_cron"]["runs"][0]["status"] == "succeeded"
    });
    let job = &table.status()["pg_cron"];
    assert_eq!(job["role"], "ann", "{job}");
    assert_eq!(job["schedule"]["when"], "* * * * *", "{job}");
    assert_eq!(job["runs"][0]["message"], "CALL", "{job}");
    let status = table.pgcleave.ok(&["status"]).stdout;
    assert!(status.contains("Z succeeded: CALL"), "{status}");
}

#[derive(PartialEq)]
enum Then {
    Back,
    Drop,
}

/// From wherever pg_cron's work has brought it to in step, back to the start, through the cutover and back or to the end.
fn there_and_back(table: &Table, then: Then) {
    let full = table.full();
    if table.stage() == "copied" {
        table.apply(&["--through", "build_indexes"]);
        let said = table.apply(&["--through", "keep_in_step"]);
        assert!(said.stderr.contains("pg_cron catches up"), "{}", said.stderr);
        assert_eq!(
            table.refuses("ann", "unschedule_copy.up.sql"),
            "the catch-up is not complete"
        );
        table.work_until("caught_up");
    }
    assert_eq!(
        table.refuses("ann", "keep_in_step.up.sql"),
        "pg_cron's job still catches up"
    );
    table.apply(&["--through", "verify_copy"]);
    assert_eq!(table.jobs(), "");
    table.pgcleave.ok(&["verify"]);
    // Back to where pg_cron is at work, and to the start.
    table
        .pgcleave
        .ok(&["-q", "rollback", "--yes", "--to", "schedule_copy"]);
    assert!(table.jobs().contains("_pgcleave_work"), "{}", table.jobs());
    table.work();
    table.pgcleave.ok(&["-q", "rollback", "--yes"]);
    assert_eq!((table.jobs(), table.leftovers()), Default::default());
    // All of it.
    table.apply(&["--through", "schedule_copy"]);
    table.work_until("copied");
    table.apply(&["--through", "build_indexes"]);
    table.work_until("caught_up");
    table.apply(&[]);
    assert_eq!((table.stage().as_str(), table.jobs().as_str()), ("cut_over", ""));
    table.pgcleave.ok(&["verify"]);
    if then == Then::Drop {
        table.apply(&["--through", "drop_retired_table"]);
    } else {
        table.pgcleave.ok(&["-q", "rollback", "--yes"]);
    }
    assert_eq!((table.jobs(), table.leftovers()), Default::default());
    let kind = format!("SELECT relkind::text FROM pg_class WHERE oid = '{full}'::regclass");
    assert_eq!(table.site.line(&kind), if then == Then::Drop { "p" } else { "r" });
}

#[test]
fn pg_cron_copies_and_catches_up_by_its_connections() {
    pg_cron_copies_and_catches_up("off");
}

#[test]
fn pg_cron_copies_and_catches_up_by_background_workers() {
    pg_cron_copies_and_catches_up("on");
}

#[test]
fn generate_says_what_is_missing_of_pg_cron() {
    let generate = [
        "generate",
        "app.events",
        "--key",
        "at",
        "--interval",
        "monthly",
        "--copy",
        "pg_cron",
    ];
    let database = Database::new();
    database.run_sql(
        "CREATE SCHEMA app; CREATE TABLE app.events (id bigint PRIMARY KEY, at timestamptz NOT NULL)",
    );
    let said = Pgcleave::new(&database).run(&generate);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(
        said.stderr.contains("hasn't the extension pg_cron") && said.stderr.contains("--copy manual"),
        "{}",
        said.stderr
    );

    let site = Site::start("off");
    let table = site.table("events");
    let [ann, ben] = ["ann", "ben"].map(|role| Pgcleave::at(site.url(role)));
    let said = ann.ok(&generate);
    assert!(
        said.stderr.contains("starts no other job while one runs"),
        "{}",
        said.stderr
    );
    site.run_sql("REVOKE USAGE ON SCHEMA cron FROM ann");
    let said = ben.run(&generate);
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(
        said.stderr.contains("may not use pg_cron's schema"),
        "{}",
        said.stderr
    );
    site.run_sql("GRANT USAGE ON SCHEMA cron TO ann; UPDATE pg_extension SET extversion = '1.3' WHERE extname = 'pg_cron'");
    let said = ann.run(&generate);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(
        said.stderr.contains("pg_cron 1.3 is older than 1.4"),
        "{}",
        said.stderr
    );
    site.run_sql("UPDATE pg_extension SET extversion = '1.10' WHERE extname = 'pg_cron'");
    assert!(!ann.ok(&generate).stderr.contains("starts no other job"));
    // Loaded no more.
    site.run_sql("ALTER SYSTEM SET shared_preload_libraries = 'plpgsql'");
    site.server.restart().unwrap();
    let said = ann.run(&generate);
    assert!(
        said.stderr.contains("the server doesn't run pg_cron"),
        "{}",
        said.stderr
    );
    drop(table);
}

#[test]
fn whose_job_it_is_and_what_became_of_it() {
    let site = Site::start("off");
    let table = site.table("events");
    let job = "job 1";
    squawk::assert_only_what_headers_say(&table.pgcleave.files(".up.sql"));
    table.apply(&["--through", "schedule_copy"]);
    table.work_until("copied");
    let said = table
        .pgcleave
        .run(&["generate", "app.events", "--copy", "inline"]);
    assert_eq!(said.code, 4, "its job would be forgotten: {}", said.stderr);
    table.apply(&["--through", "build_indexes"]);
    table.work_until("caught_up");

    // Another's job is neither seen nor removed, but by a superuser.
    let ben = table
        .pgcleave
        .command(&["status"])
        .env("DATABASE_URL", site.url("ben"))
        .output()
        .unwrap();
    let said = Said::of(&ben).stdout;
    assert!(
        said.contains(&format!(
            "{job}: this role sees no such job: it is one of the role ann"
        )),
        "{said}"
    );
    let refused = table.refuses("ben", "unschedule_copy.up.sql");
    assert!(
        refused.contains(&format!("{job} belongs to the role ann")),
        "{refused}"
    );
    assert!(table.jobs().contains("ann"));
    table.run_file("postgres", "unschedule_copy.up.sql").unwrap();
    table.run_file("postgres", "unschedule_copy.verify.sql").unwrap();
    assert_eq!(table.jobs(), "");
    assert!(table.run_file("ann", "schedule_copy.verify.sql").is_err());

    // The role that undoes the step has the job.
    table.run_file("ben", "unschedule_copy.down.sql").unwrap();
    assert!(table.jobs().contains(" ben t"), "{}", table.jobs());
    table.run_file("ben", "schedule_copy.verify.sql").unwrap();
    assert!(table.run_file("ben", "unschedule_copy.verify.sql").is_err());
    table.run_file("ben", "unschedule_copy.up.sql").unwrap();
    table.run_file("ann", "unschedule_copy.down.sql").unwrap();

    // More than the switch may drain with writers blocked.
    site.run_sql("INSERT INTO app.events SELECT i, 'new', now() FROM generate_series(10001, 30001) i");
    let refused = table.refuses("ann", "unschedule_copy.up.sql");
    assert_eq!(refused, "more than 20,000 changes wait in the change log");
    let said = table.apply(&[]).stderr;
    assert!(
        said.contains("pg_cron catches up") && said.contains("20001 changes wait"),
        "{said}"
    );
    wait_until("the catch-up", || {
        table.work();
        table.status()["backlog"] == 0
    });

    // Not active, removed by hand, and gone with its extension.
    site.run_sql("SELECT cron.alter_job(jobid, active => false) FROM cron.job");
    let status = table.pgcleave.ok(&["status"]).stdout;
    assert!(status.contains("NOT ACTIVE"), "{status}");
    site.run_sql("SELECT cron.unschedule(jobid) FROM cron.job");
    let status = table.pgcleave.ok(&["status"]).stdout;
    assert!(status.contains("or gone"), "{status}");
    table.apply(&["--through", "keep_in_step"]);
    table
        .pgcleave
        .ok(&["-q", "rollback", "--yes", "--to", "schedule_copy"]);
    site.run_sql("DROP EXTENSION pg_cron");
    table.pgcleave.ok(&["status"]);
    table.pgcleave.ok(&["-q", "rollback", "--yes"]);
    assert_eq!(table.leftovers(), "");
}

#[test]
fn the_catch_up_waits_for_the_guards() {
    let site = Site::start("off");
    let table = site.table("events");
    let guarded = ["generate", "app.events", "--unique", "events_pkey=guard"];
    table.pgcleave.ok(&guarded);
    table.apply(&["--through", "schedule_copy"]);
    table.work_until("copied");
    site.run_sql("UPDATE app.events SET note = 'y' WHERE id < 50");
    table.apply(&["--through", "build_indexes"]);
    let began = site.line("SELECT date_trunc('minute', clock_timestamp())::text");
    table.work();
    if site.line("SELECT date_trunc('minute', clock_timestamp())::text") == began {
        assert_eq!(table.stage(), "indexed");
    }
    assert_eq!(table.status()["backlog"], 49);
    table.apply(&["--through", "create_guards"]);
    table.work_until("caught_up");
    table
        .pgcleave
        .ok(&["-q", "rollback", "--yes", "--to", "build_indexes"]);
    table.work();
    assert_eq!(table.status()["guards_created"], false);
    table.apply(&[]);
    assert_eq!(table.stage(), "cut_over");
    table.pgcleave.ok(&["verify"]);
    table.pgcleave.ok(&["-q", "rollback", "--yes"]);
    assert_eq!((table.jobs(), table.leftovers()), Default::default());
}

#[test]
fn the_job_fits_whatever_the_table_is_called() {
    let site = Site::start("off");
    let long = format!("it's \"odd\" {}", "ü".repeat(25));
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let table = format!("{}.{}", quoted("o'dd $schema$"), quoted(&long));
    site.run_sql(&format!(
        "CREATE SCHEMA {0} AUTHORIZATION ann; CREATE TABLE {table} (id bigint PRIMARY KEY, at timestamptz NOT NULL);
         INSERT INTO {table} SELECT i, now() - i * interval '1 day' FROM generate_series(1, 100) i; ALTER TABLE {table} OWNER TO ann",
        quoted("o'dd $schema$")
    ));
    let pgcleave = Pgcleave::at(site.url("ann"));
    let generate = [
        "-q",
        "generate",
        &table,
        "--key",
        "at",
        "--interval",
        "monthly",
        "--copy",
        "pg_cron",
    ];
    pgcleave.ok(&generate);
    pgcleave.ok(&["-q", "apply", "--yes"]);
    let command = site.line("SELECT command FROM cron.job");
    let stage = || {
        serde_json::from_str::<Value>(&pgcleave.ok(&["status", "--format", "json"]).stdout).unwrap()["stage"]
            .clone()
    };
    for done in ["copied", "caught_up"] {
        wait_until(done, || {
            site.client("ann").batch_execute(&command).unwrap();
            stage() == done
        });
        pgcleave.ok(&["-q", "apply", "--yes"]);
    }
    assert_eq!(stage(), "cut_over");
    pgcleave.ok(&["-q", "rollback", "--yes"]);
    assert_eq!(site.line("SELECT count(*)::text FROM cron.job"), "0");
}

#[test]
fn another_runner_s_migrations_end_where_it_is_pg_cron_s_turn() {
    let site = Site::start("off");
    let table = site.table("events");
    let pgcleave = Pgcleave::at(site.url("ann"));
    let names = || {
        let folder = pgcleave.folder.path().join("db/migrations");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let generate = [
        "generate",
        "app.events",
        "--key",
        "at",
        "--interval",
        "monthly",
        "--copy",
        "pg_cron",
        "--runner",
        "dbmate",
    ];
    let said = pgcleave.ok(&generate);
    let last = names().pop().unwrap();
    assert!(last.ends_with("_schedule_copy.sql"), "{last}");
    assert!(
        said.stderr
            .contains("pgcleave generate app.events --through build_indexes"),
        "{}",
        said.stderr
    );
    // As the runner would.
    for name in names() {
        let text = std::fs::read_to_string(pgcleave.folder.path().join("db/migrations").join(&name)).unwrap();
        let up = text.split("-- migrate:down").next().unwrap().to_owned();
        site.client("ann").batch_execute(&up).unwrap();
    }
    assert!(
        table.jobs().starts_with("pgcleave app.events"),
        "{}",
        table.jobs()
    );
    let status = pgcleave.ok(&["status"]).stdout;
    assert!(
        status.contains("wait for pg_cron's job; next: pgcleave generate app.events --through STEP"),
        "{status}"
    );
    let said = pgcleave.ok(&["generate", "app.events", "--through", "build_indexes"]);
    assert!(names().pop().unwrap().ends_with("_build_indexes.sql"));
    assert!(
        said.stderr
            .contains("pgcleave generate app.events --through verify_copy"),
        "{}",
        said.stderr
    );
    let status = pgcleave.ok(&["status"]).stdout;
    assert!(
        status.contains("wait for pg_cron's job; next: dbmate"),
        "{status}"
    );
}
