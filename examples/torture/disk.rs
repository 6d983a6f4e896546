//! A disk that is full: a tiny tmpfs, where mounting is allowed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use tempfile::TempDir;

/// A mounted tmpfs; dropping it unmounts it.
pub struct TinyDisk {
    folder: TempDir,
}

impl TinyDisk {
    /// Mounts one for the server that lives in `home`; None where that isn't permitted.
    pub fn mount(home: &Path) -> Result<Option<Self>> {
        let disk = Self {
            folder: tempfile::Builder::new().prefix("torture-disk-").tempdir()?,
        };
        if !mount(&["-t", "tmpfs", "-o", "size=1536k", "tmpfs"], disk.folder.path()) {
            return Ok(None);
        }
        fs::set_permissions(disk.folder.path(), fs::Permissions::from_mode(0o755))?;
        fs::create_dir(disk.place())?;
        let owner = fs::metadata(home)?;
        chown(disk.place(), Some(owner.uid()), Some(owner.gid()))?;
        Ok(Some(disk))
    }

    /// The tablespace's location.
    pub fn place(&self) -> PathBuf {
        self.folder.path().join("space")
    }

    /// Makes room.
    pub fn grow(&self) -> Result<()> {
        if !mount(&["-o", "remount,size=2g"], self.folder.path()) {
            bail!("the tmpfs can't be made bigger");
        }
        Ok(())
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        // Lazily: the server may still have files open when a run ends by a panic.
        let mut umount = Command::new("umount");
        let _ = umount
            .arg("-l")
            .arg(self.folder.path())
            .stderr(Stdio::null())
            .status();
    }
}

fn mount(arguments: &[&str], folder: &Path) -> bool {
    let mut command = Command::new("mount");
    command
        .args(arguments)
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
