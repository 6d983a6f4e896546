//! Reading and writing a table's folder of migrations.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{FileName, MigrationFile, Part};

/// A folder with the files of one table's conversion.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Where they are.
    pub path: PathBuf,
    /// By number, then up, down, verify.
    pub files: Vec<MigrationFile>,
}

/// Why a folder can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The operating system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// The folder isn't there, or holds no migration.
    #[error("there are no migrations in {}", .0.display())]
    Empty(PathBuf),
}

impl DirectoryError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check the folder and its permissions",
            Self::Empty(_) => "write them: pgcleave generate",
        }
    }

    /// Wraps an error with the path that it is about.
    pub fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { path, error }
    }
}

impl Directory {
    /// Reads every migration in the folder; other files are passed over.
    ///
    /// # Errors
    /// When the folder can't be read or holds none.
    pub fn read(path: &Path) -> Result<Self, DirectoryError> {
        let mut files = Vec::new();
        let entries = match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(DirectoryError::Empty(path.to_owned()));
            }
            entries => entries.map_err(DirectoryError::io(path))?,
        };
        for entry in entries {
            let entry = entry.map_err(DirectoryError::io(path))?;
            let Some(name) = entry.file_name().to_str().and_then(FileName::parse) else {
                continue;
            };
            let text = fs::read_to_string(entry.path()).map_err(DirectoryError::io(&entry.path()))?;
            files.push(MigrationFile { name, text });
        }
        if files.is_empty() {
            return Err(DirectoryError::Empty(path.to_owned()));
        }
        files.sort_by_key(|file| (file.name.number, file.name.part));
        Ok(Self {
            path: path.to_owned(),
            files,
        })
    }

    /// The up files, first step first.
    pub fn ups(&self) -> impl DoubleEndedIterator<Item = &MigrationFile> {
        self.files.iter().filter(|f| f.name.part == Part::Up)
    }

    /// A step's file.
    pub fn find(&self, stem: &str, part: Part) -> Option<&MigrationFile> {
        self.files
            .iter()
            .find(|f| f.name.stem == stem && f.name.part == part)
    }
}

/// Writes a file whole or not at all.
///
/// # Errors
/// When the folder or the file can't be written, for instance on a full disk.
pub fn write_whole(path: &Path, text: &str) -> Result<(), DirectoryError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    fs::create_dir_all(folder).map_err(DirectoryError::io(folder))?;
    let temporary = tempfile::NamedTempFile::new_in(folder).map_err(DirectoryError::io(folder))?;
    fs::write(temporary.path(), text).map_err(DirectoryError::io(path))?;
    // A temporary file is private; what a team shares is not.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(temporary.path(), mode).map_err(DirectoryError::io(path))?;
    temporary.persist(path).map_err(|e| DirectoryError::Io {
        path: path.to_owned(),
        error: e.error,
    })?;
    Ok(())
}
