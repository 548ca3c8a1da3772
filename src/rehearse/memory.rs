//! A journal in memory that a rehearsal can take away: at a record the process dies, the disk is full, or the operator interrupts.

use crate::journal::{Appended, Storage};
use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{Notify, watch};

/// The death of the process: nothing is sent or written after it.
#[derive(Debug, Default)]
pub(super) struct Death {
    dead: AtomicBool,
    called: Notify,
}

impl Death {
    pub(super) fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.called.notify_one();
    }

    pub(super) fn has_come(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub(super) async fn comes(&self) {
        self.called.notified().await;
    }
}

/// The journal's bytes, as they would be found on the disk.
pub(super) type Disk = Arc<Mutex<Vec<u8>>>;

#[derive(Debug, Clone)]
pub(super) struct Memory {
    pub(super) disk: Disk,
    pub(super) death: Arc<Death>,
    pub(super) dies_after: Option<u64>,
    pub(super) dies_before: Option<u64>,
    pub(super) full_from: Option<u64>,
    pub(super) interrupts_at: Option<u64>,
    pub(super) interrupts: watch::Sender<u32>,
}

impl Storage for Memory {
    fn append(&mut self, seq: u64, line: &[u8]) -> io::Result<Appended> {
        if self.full_from.is_some_and(|from| seq >= from) {
            return Err(io::Error::other("the disk is full"));
        }
        if self.dies_before.is_some_and(|at| seq >= at) {
            self.death.die();
        }
        if !self.death.has_come() {
            self.disk.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(line);
        }
        if self.dies_after.is_some_and(|at| seq >= at) {
            self.death.die();
        }
        if self.interrupts_at == Some(seq) {
            self.interrupts.send_replace(1);
        }
        Ok(Appended::Appended)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
