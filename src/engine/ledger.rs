//! Keeps the journal and the state it folds to in step: append, sync where an effect may follow, fold, report, in this order.
//!
//! Decides nothing. Once the journal cannot be written, every later record is refused, and so the run stops.

use super::{Reporter, state::RunState};
use crate::journal::{Journal, JournalError, Record, Storage};
use jiff::Timestamp;
use lifeboat_contract::{SharedClock, StepId};
use std::cell::{Ref, RefCell};

/// What a reporter is told.
#[derive(Debug)]
pub enum Notice<'a> {
    /// A fact was journaled; the state has it folded in already.
    Recorded { at: Timestamp, record: &'a Record, state: &'a RunState },
    /// A step waits, and for what. Not journaled.
    Waiting { at: Timestamp, step: &'a StepId, what: &'a str },
}

/// The journal of a run, its state, and who is told. Single-threaded: no borrow lives across an await.
pub(super) struct Ledger<'a, S> {
    journal: RefCell<Journal<S>>,
    state: RefCell<RunState>,
    reporter: RefCell<Reporting<'a>>,
    clock: SharedClock,
}

struct Reporting<'a> {
    reporter: &'a mut dyn Reporter,
    /// A terminal that went away must not stop a failover: the first error ends the reports and is told at the end.
    error: Option<std::io::Error>,
}

/// The journal could not be written. The run must not go on.
#[derive(Debug)]
pub(super) struct Halt(pub(super) JournalError);

impl<'a, S: Storage> Ledger<'a, S> {
    pub(super) fn new(
        journal: Journal<S>,
        state: RunState,
        reporter: &'a mut dyn Reporter,
        clock: SharedClock,
    ) -> Self {
        Self {
            journal: RefCell::new(journal),
            state: RefCell::new(state),
            reporter: RefCell::new(Reporting { reporter, error: None }),
            clock,
        }
    }

    pub(super) fn state(&self) -> Ref<'_, RunState> {
        self.state.borrow()
    }

    /// Journals a record. When this returns, an effect that follows from it may begin.
    pub(super) fn record(&self, record: &Record) -> Result<(), Halt> {
        let at = self.clock.now();
        let mut next = self.state.borrow().clone();
        if let Err(illegal) = next.fold(at, record) {
            panic!("the engine wrote a record that its own fold refuses: {illegal}");
        }
        let mut journal = self.journal.borrow_mut();
        journal.append(at, record).map_err(Halt)?;
        if record.must_be_durable() {
            journal.sync().map_err(Halt)?;
        }
        *self.state.borrow_mut() = next;
        self.tell(&Notice::Recorded { at, record, state: &self.state.borrow() });
        Ok(())
    }

    pub(super) fn waiting(&self, step: &StepId, what: &str) {
        self.tell(&Notice::Waiting { at: self.clock.now(), step, what });
    }

    fn tell(&self, notice: &Notice<'_>) {
        let mut reporting = self.reporter.borrow_mut();
        if reporting.error.is_none()
            && let Err(error) = reporting.reporter.notice(notice)
        {
            reporting.error = Some(error);
        }
    }

    pub(super) fn into_state(self) -> (RunState, Option<std::io::Error>) {
        (self.state.into_inner(), self.reporter.into_inner().error)
    }
}
