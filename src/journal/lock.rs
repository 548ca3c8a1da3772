//! One run per lock key at a time, also while no process executes it.
//!
//! The operating system's lock on the file tells whether a process is alive; the file's text tells which run took the key, and
//! that run's journal whether it has ended. A file is never deleted, so that two processes cannot hold two files of one name.

use lifeboat_contract::RunId;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

/// Who holds a lock key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub key: String,
    pub run: RunId,
    pub pid: u32,
    pub name: String,
    pub host: String,
    pub since: jiff::Timestamp,
}

/// A held lock. Released by [`RunLock::release`] when the run has ended; dropped otherwise, it stays the run's.
#[derive(Debug)]
pub struct RunLock {
    file: File,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("the lock {} is held by run {}", .0.key, .0.run)]
    Held(Box<Holder>, /* whether a process is executing it */ bool),
    #[error("the lock {0} is being taken by another process")]
    Busy(String),
    #[error("cannot use the lock file {path}")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
}

impl RunLock {
    /// Takes `holder.key` for `holder.run`. A run takes up its own lock again; a key is free when its run is not `open` any more
    /// (it has ended, or it died before it began) and no process is at it.
    pub fn acquire(folder: &Path, holder: &Holder, open: &dyn Fn(&RunId) -> bool) -> Result<Self, LockError> {
        let path = path(folder, &holder.key);
        let io_error = |source| LockError::Io { path: path.display().to_string(), source };
        fs::create_dir_all(folder).map_err(io_error)?;
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io_error)?;
        let alive = match file.try_lock() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(source)) => return Err(io_error(source)),
        };
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(io_error)?;
        let standing: Option<Holder> = serde_json::from_str(&text).ok();
        match standing {
            Some(other) if alive || other.run != holder.run && open(&other.run) => {
                return Err(LockError::Held(Box::new(other), alive));
            }
            None if alive => return Err(LockError::Busy(holder.key.clone())),
            _ => {}
        }
        let mut lock = Self { file };
        let text = serde_json::to_string(holder).expect("a holder is plain JSON");
        lock.write(&text).map_err(io_error)?;
        Ok(lock)
    }

    /// Gives the key back: the run has ended.
    pub fn release(mut self) -> io::Result<()> {
        self.write("")
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()
    }
}

/// A file name for any key: what is not plain becomes `%xx`, so that two keys never share a file.
fn path(folder: &Path, key: &str) -> PathBuf {
    use std::fmt::Write as _;
    let mut name = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
            name.push(char::from(byte));
        } else {
            write!(name, "%{byte:02x}").expect("writing to a string does not fail");
        }
    }
    folder.join(format!("{name}.json"))
}
