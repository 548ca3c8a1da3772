//! Lets a test kill the process right after any journal record, as `kill -9` would. Not part of release builds.

use super::{Appended, FileStorage, Storage};
use std::io;

/// The environment variable that names the number of the last record before the process dies.
const VARIABLE: &str = "LIFEBOAT_DIES_AFTER_RECORD";

/// A file that takes the process with it after a given record.
#[derive(Debug)]
pub struct Mortal {
    file: FileStorage,
    dies_after: Option<u64>,
}

impl Mortal {
    pub fn new(file: FileStorage) -> Self {
        let dies_after = cfg!(debug_assertions).then(|| std::env::var(VARIABLE).ok()?.parse().ok()).flatten();
        Self { file, dies_after }
    }
}

impl Storage for Mortal {
    fn append(&mut self, seq: u64, line: &[u8]) -> io::Result<Appended> {
        let appended = self.file.append(seq, line)?;
        if self.dies_after.is_some_and(|last| seq >= last) {
            std::process::abort();
        }
        Ok(appended)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}
