//! Names that make quoting code stumble.

use fastrand::Rng;
use pgcleave::sql::Ident;

const HOSTILE: &[&str] = &[
    "Mixed Case",
    "select",
    "table",
    "user",
    "quo\"te",
    "it's",
    "back\\slash",
    "per%cent %s",
    "dollar $1",
    "semi; colon --",
    "dot.ted",
    "äöü ß ☃",
    "On public.x",
    "(paren",
    "old",
    "new",
    "s",
    "c",
    "l",
    "n",
    "r",
    "k",
    "taken",
    "state",
    "source",
    "stop",
    "copied",
    "position_filenode",
];

/// Draws names; each only once.
#[derive(Debug)]
pub struct Names {
    hostile: bool,
    used: Vec<String>,
}

impl Names {
    pub fn new(rng: &mut Rng) -> Self {
        Self {
            hostile: rng.u8(..100) < 40,
            used: Vec::new(),
        }
    }

    /// A hostile name now and then, else this one.
    pub fn draw(&mut self, rng: &mut Rng, plain: &str) -> Ident {
        let mut name = plain.to_owned();
        if self.hostile && rng.u8(..100) < 60 {
            name = HOSTILE[rng.usize(..HOSTILE.len())].to_owned();
            if rng.u8(..100) < 15 {
                // 63 bytes, which leave no room for a suffix.
                name = format!("{name}{}", "x".repeat(63 - name.len()));
            }
        }
        if self.used.contains(&name) {
            name = plain.to_owned();
        }
        self.used.push(name.clone());
        Ident::new(name).unwrap_or_else(|_| unreachable!("the names above are valid"))
    }
}
