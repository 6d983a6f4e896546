//! A crash empties an unlogged table; its copy must then be empty too, wherever the conversion stands.

use pgcleave::server::{Server, Stop};
use postgres::{Client, NoTls};

use crate::support::Pgcleave;
use crate::versions::versions;

const SCHEMA: &str =
    "CREATE UNLOGGED TABLE events (id bigint PRIMARY KEY, note text, at timestamptz NOT NULL);
     INSERT INTO events SELECT i, 'n' || i, '2026-01-05 00:00+00'::timestamptz + i * interval '1 hour' FROM generate_series(1, 2000) i;
     ANALYZE";

struct Site {
    server: Server,
    url: String,
}

impl Site {
    fn run_sql(&self, sql: &str) {
        let mut client = Client::connect(&self.url, NoTls).unwrap();
        client.batch_execute(sql).unwrap();
    }

    fn write(&self, first_id: i32) {
        self.run_sql(&format!(
            "INSERT INTO events SELECT i, 'w' || i, '2026-01-20 00:00+00'::timestamptz + i * interval '1 hour'
               FROM generate_series({first_id}, {first_id} + 9) i"
        ));
    }

    /// Ids as they stand, shortened to the smallest, the greatest and their number.
    fn ids(&self) -> (i64, i64, i64) {
        let mut client = Client::connect(&self.url, NoTls).unwrap();
        let row = client.query_one("SELECT min(id), max(id), count(*) FROM events", &[]);
        let row = row.unwrap();
        (row.get(0), row.get(1), row.get(2))
    }

    fn crash(&self) {
        self.server.stop(Stop::Immediate).unwrap();
        self.server.restart().unwrap();
    }
}

#[test]
fn a_crash_empties_both_sides_and_the_conversion_goes_on() {
    for version in versions() {
        eprintln!("on PostgreSQL {}", version.major);
        let server = Server::start(&version.programs(), &[]).unwrap();
        let url = server.url("postgres");
        let site = Site { server, url };
        site.run_sql(SCHEMA);
        let pgcleave = Pgcleave::at(site.url.clone());
        pgcleave.generate_monthly(&["--batch-size", "1"]);
        // While copying: the log and the segments outlive the crash, the rows on neither side do.
        pgcleave.ok(&["-q", "apply", "events", "--yes", "--through", "run_batch_copy"]);
        site.write(3000);
        site.crash();
        site.write(4000);
        pgcleave.ok(&["-q", "apply", "events", "--yes", "--through", "verify_copy"]);
        pgcleave.ok(&["verify", "events", "--checksum"]);
        assert_eq!(site.ids(), (4000, 4009, 10));
        // In step, and verified before the crash.
        site.crash();
        site.write(5000);
        pgcleave.ok(&["verify", "events", "--checksum"]);
        pgcleave.ok(&["-q", "apply", "events", "--yes"]);
        assert_eq!(site.ids(), (5000, 5009, 10));
        // After the cutover, and back.
        site.crash();
        site.write(6000);
        pgcleave.ok(&["verify", "events", "--checksum"]);
        pgcleave.ok(&["-q", "rollback", "events", "--yes"]);
        assert_eq!(site.ids(), (6000, 6009, 10));
    }
}
