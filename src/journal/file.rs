//! A journal in a file, held by one process at a time.
//!
//! Does not interpret lines. A failed sync is final: the kernel may have dropped the pages, so syncing again proves nothing.

use super::{Appended, Storage};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::Path,
};

#[derive(Debug)]
pub struct FileStorage {
    file: File,
    broken: bool,
}

impl FileStorage {
    /// Creates a journal that must not exist yet, and the entry of its folder, durably.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        lock(&file)?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(Self { file, broken: false })
    }

    /// Opens an existing journal and cuts off a torn tail.
    pub fn reopen(path: &Path, valid_bytes: u64) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).open(path)?;
        lock(&file)?;
        if file.metadata()?.len() != valid_bytes {
            file.set_len(valid_bytes)?;
            file.sync_all()?;
        }
        Ok(Self { file, broken: false })
    }
}

fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::Error::new(io::ErrorKind::WouldBlock, "another process is executing this run"),
        TryLockError::Error(error) => error,
    })
}

impl Storage for FileStorage {
    fn append(&mut self, _seq: u64, line: &[u8]) -> io::Result<Appended> {
        if self.broken {
            return Ok(Appended::Unknown);
        }
        self.file.write_all(line).inspect_err(|_| self.broken = true)?;
        Ok(Appended::Appended)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier write of this journal failed"));
        }
        self.file.sync_data().inspect_err(|_| self.broken = true)
    }
}
