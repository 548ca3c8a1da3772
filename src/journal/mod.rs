//! The journal: durable facts of a run, one JSON line each, hash-chained. The only truth about where a run was.
//!
//! Holds no progress and makes no decisions: `engine::state` folds it.

mod failpoint;
mod file;
mod line;
mod lock;
mod record;
mod store;

pub use failpoint::Mortal;
pub use file::FileStorage;
pub use line::{Broken, Journaled, Reading, Torn, read};
pub use lock::{Holder, LockError, RunLock};
pub use record::{
    CheckTried, CloudChoice, Failure, Identity, OverrideAction, PauseReason, Record, RunOutcome, StepOutcome, ThreeWay,
    UndoOutcome,
};
pub use store::{RunFiles, StateDirectory, StoreError};

use jiff::Timestamp;
use std::io;

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    Appended,
    /// Another writer owns the journal now. Stop for good.
    Fenced,
    /// It may or may not be stored. Stop: nothing may be done that is not known to be recorded.
    Unknown,
}

/// Where journal lines are kept. The first implementation is a file.
pub trait Storage {
    /// Stores one line. It survives the death of this process once this returns `Appended`.
    fn append(&mut self, seq: u64, line: &[u8]) -> io::Result<Appended>;
    /// Makes every appended line survive the death of the machine. Must be called before any side effect.
    fn sync(&mut self) -> io::Result<()>;
}

/// Writes a run's records, in order, each chained to the one before.
#[derive(Debug)]
pub struct Journal<S> {
    storage: S,
    chain: line::Chain,
    dirty: bool,
}

/// The journal could not be written: the run stops.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("another process owns this run's journal")]
    Fenced,
    #[error("the journal could not be written")]
    Write(#[source] io::Error),
    #[error("it is not known whether the journal was written")]
    Unknown,
}

impl<S: Storage> Journal<S> {
    /// A journal without any line yet.
    pub fn new(storage: S, writer: String) -> Self {
        Self { storage, chain: line::Chain::start(writer), dirty: false }
    }

    /// A journal that goes on after `reading`.
    pub fn after(storage: S, writer: String, reading: &Reading) -> Self {
        Self { storage, chain: line::Chain::after(writer, reading), dirty: false }
    }

    /// Appends one record. Returns it as it stands in the journal.
    pub fn append(&mut self, at: Timestamp, record: &Record) -> Result<u64, JournalError> {
        let (seq, line) = self.chain.next(at, record);
        match self.storage.append(seq, &line).map_err(JournalError::Write)? {
            Appended::Appended => {
                self.chain.advance(&line);
                self.dirty = true;
                Ok(seq)
            }
            Appended::Fenced => Err(JournalError::Fenced),
            Appended::Unknown => Err(JournalError::Unknown),
        }
    }

    /// Makes every appended record durable.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        if self.dirty {
            self.storage.sync().map_err(JournalError::Write)?;
            self.dirty = false;
        }
        Ok(())
    }
}
