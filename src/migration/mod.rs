//! A migration file: its name, its text, how it runs, its checksum.

mod directory;
mod file;
mod written;

pub use directory::{Directory, DirectoryError, write_whole};
pub use file::{FileName, MigrationFile, Mode, Part, TRANSACTION_BEGIN, TRANSACTION_END, checksum};
pub use written::{WRITTEN, Written};
