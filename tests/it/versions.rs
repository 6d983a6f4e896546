//! Several versions of PostgreSQL side by side: each that pgcleave supports; slow
//! tests use the oldest, the newest, and the one that most tests use.

use std::path::Path;
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use pgcleave::server::Programs;

use crate::support::{Database, Shared, programs};

/// Where `scripts/ensure-postgres-versions` puts them.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/postgres");
pub const OLDEST: u32 = 14;
pub const NEWEST: u32 = 18;

static VERSIONS: LazyLock<Vec<Version>> = LazyLock::new(Version::all);
static USUAL: LazyLock<u32> = LazyLock::new(usual);

/// A version; its server starts when the first test needs it.
pub struct Version {
    pub major: u32,
    server: Origin,
    /// For tests that other tests' transactions would disturb.
    quiet: OnceLock<Shared>,
}

enum Origin {
    /// The server that most tests use.
    Usual,
    Installed(OnceLock<Shared>),
}

/// The oldest, the usual and the newest, each once.
pub fn versions() -> impl Iterator<Item = &'static Version> {
    VERSIONS
        .iter()
        .filter(|v| v.is_usual() || [OLDEST, NEWEST].contains(&v.major))
}

/// Every version, the oldest first.
pub fn every_version() -> &'static [Version] {
    &VERSIONS
}

/// One of them.
pub fn version(major: u32) -> &'static Version {
    let found = VERSIONS.iter().find(|v| v.major == major);
    found.unwrap_or_else(|| panic!("pgcleave isn't tested on PostgreSQL {major}"))
}

/// Runs a test on each of [`versions`]; what it printed last says which one failed.
pub fn on_each_version(mut test: impl FnMut(&'static Version, Database)) {
    for version in versions() {
        eprintln!("on PostgreSQL {}", version.major);
        test(version, Database::on(version));
    }
}

/// The same on every version.
pub fn on_every_version(mut test: impl FnMut(&'static Version, Database)) {
    for version in every_version() {
        eprintln!("on PostgreSQL {}", version.major);
        test(version, Database::on(version));
    }
}

/// As [`on_each_version`], on servers where no other test has a transaction open, in whatever database.
pub fn on_each_version_alone(mut test: impl FnMut(&'static Version, Database)) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for version in versions() {
        eprintln!("on PostgreSQL {}", version.major);
        test(version, Database::at(version.quiet()));
    }
}

impl Version {
    fn all() -> Vec<Self> {
        let usual = *USUAL;
        assert!((OLDEST..=NEWEST).contains(&usual), "PostgreSQL {usual}");
        let version = |major| Self {
            major,
            server: match major {
                _ if major == usual => Origin::Usual,
                _ => Origin::Installed(OnceLock::new()),
            },
            quiet: OnceLock::new(),
        };
        (OLDEST..=NEWEST).map(version).collect()
    }

    fn is_usual(&self) -> bool {
        self.major == *USUAL
    }

    /// The server that tests have one at a time.
    pub fn quiet(&'static self) -> &'static Shared {
        self.quiet.get_or_init(|| Shared::start(&self.programs()))
    }

    /// For a server of the test's own.
    pub fn programs(&self) -> Programs {
        match self.server {
            Origin::Usual => programs(),
            Origin::Installed(_) => installed(self.major),
        }
    }

    fn server(&'static self) -> &'static Shared {
        match &self.server {
            Origin::Usual => Shared::usual(),
            Origin::Installed(server) => server.get_or_init(|| Shared::start(&installed(self.major))),
        }
    }
}

impl Database {
    /// A database on that version's server.
    pub fn on(version: &'static Version) -> Self {
        Self::at(version.server())
    }
}

fn usual() -> u32 {
    let text = programs().version().unwrap();
    text.split('.').next().unwrap().parse().unwrap()
}

fn installed(major: u32) -> Programs {
    // The link's target: the server's user may be unable to enter the link's own folder.
    let folder = Path::new(FOLDER).join(major.to_string()).canonicalize();
    let programs = folder.ok().and_then(|folder| Programs::at(folder.join("bin")));
    programs.unwrap_or_else(|| panic!("no PostgreSQL {major} in {FOLDER}; hint: make test puts it there"))
}

#[test]
fn every_version_is_there() {
    on_every_version(|version, database| {
        let found = database.lines("SELECT current_setting('server_version_num')::int / 10000 || ''");
        assert_eq!(found, [version.major.to_string()]);
        assert!(database.dump().contains("PostgreSQL database dump complete"));
    });
    assert!((2..=3).contains(&versions().count()));
}
