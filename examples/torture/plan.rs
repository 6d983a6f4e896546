//! What one transaction of a writer is to be.

use std::time::Duration;

use fastrand::Rng;
use postgres::IsolationLevel;

const LEVELS: [IsolationLevel; 3] = [
    IsolationLevel::ReadCommitted,
    IsolationLevel::RepeatableRead,
    IsolationLevel::Serializable,
];

/// The shape of one transaction.
pub struct Plan {
    pub groups: Vec<i64>,
    /// The group is everybody's: writers get in each other's way.
    pub shared: bool,
    pub level: IsolationLevel,
    pub statements: usize,
    pub dawdle: Option<Duration>,
    pub gives_up: bool,
}

impl Plan {
    /// For the writer that owns every `step`th group from its number on; about `all` groups hold rows at the start.
    pub fn draw(rng: &mut Rng, all: i64, number: i64, step: i64) -> Self {
        let shared = rng.u8(..100) < 15;
        let mut groups: Vec<i64> = (0..rng.i64(1..3))
            .map(|_| {
                let group = rng.i64(0..=all / step) * step + number;
                // A multiple of the step, so that it stays this writer's own.
                let beyond = (all / step + 1) * step;
                if rng.u8(..20) == 0 { group + beyond } else { group }
            })
            .collect();
        if shared {
            groups = vec![-rng.i64(1..4)];
        }
        groups.sort_unstable();
        groups.dedup();
        Self {
            groups,
            shared,
            level: LEVELS[[0, 0, 0, 1, 2][rng.usize(..5)]],
            // Several rows of a shared group would deadlock among writers.
            statements: if shared || rng.bool() { 1 } else { rng.usize(2..6) },
            dawdle: (rng.u8(..100) < 4).then(|| Duration::from_millis(rng.u64(5..300))),
            gives_up: rng.u8(..100) < 8,
        }
    }
}
