//! A line per runner: how far it went.

use std::io::Write;
use std::sync::Once;
use std::time::Instant;

/// Where a journey leads through.
pub const STATIONS: [&str; 9] = [
    "up", "down", "up", "cutover", "rollback", "cutover", "down", "up", "end",
];

static HEADING: Once = Once::new();

/// Prints its line when it is dropped, in a panic, too.
pub struct Report {
    runner: &'static str,
    begin: Instant,
    reached: usize,
}

impl Report {
    pub fn begin(runner: &'static str) -> Self {
        Self {
            runner,
            begin: Instant::now(),
            reached: 0,
        }
    }
    pub fn reached(&mut self, station: &str) {
        assert_eq!(STATIONS[self.reached], station);
        self.reached += 1;
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        HEADING.call_once(|| print("runner", &STATIONS, "seconds"));
        let cell = |place: usize| match place {
            _ if place < self.reached => "yes",
            _ if place == self.reached => "FAILED",
            _ => "-",
        };
        let cells: Vec<&str> = (0..STATIONS.len()).map(cell).collect();
        print(self.runner, &cells, &self.begin.elapsed().as_secs().to_string());
    }
}

/// Past the harness, which shows what it captures only of tests that fail.
fn print(runner: &str, cells: &[&str], seconds: &str) {
    let cells: String = cells.iter().map(|cell| format!("{cell:<9}")).collect();
    let line = format!("{runner:<17} {cells}{seconds:>7}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}
