//! The undo of one step: the same pursuit, the other way round, guarded by comparison with what we wrote ourselves.

use super::{
    attempt::{Pursuit, Quarry},
    driver::Engine,
    ledger::Halt,
    state::StepPhase,
    watch::Direction,
};
use crate::{
    journal::{Record, Storage, UndoOutcome},
    runbook::Body,
};
use lifeboat_contract::{DynChange, StepId, clock::after};

impl<S: Storage> Engine<'_, S> {
    pub(super) async fn undo(&self, id: &StepId) -> Result<(), Halt> {
        let change = match &self.bodies[id] {
            Body::Change(change) => change,
            Body::Task { undo, .. } => return self.undo_task(id, undo.as_deref()).await,
            _ => unreachable!("only a change and a task have an intent to undo"),
        };
        if self.phase(id) != StepPhase::Undoing {
            self.ledger.record(&Record::UndoStarted { step: id.clone() })?;
        }
        let quarry = self.way_back(id, change.as_ref());
        let step = id.clone();
        match self.pursue(&quarry, Direction::Back).await? {
            Pursuit::Settled => {
                let driven =
                    self.ledger.state().steps[id].intent.as_ref().is_some_and(|intent| intent.back_attempts > 0);
                let outcome = if driven { UndoOutcome::Restored } else { UndoOutcome::NothingToDo };
                self.ledger.record(&Record::UndoSettled { step, outcome })
            }
            Pursuit::Failed(failure) => self.ledger.record(&Record::UndoFailed { step, failure }),
            Pursuit::Interrupted => Ok(()),
        }
    }

    /// The way back has the kind's own time, however little the runbook gives the way there, and it begins when nothing can land
    /// any more.
    fn way_back<'s>(&self, id: &'s StepId, change: &'s dyn DynChange) -> Quarry<'s> {
        let quarry = self.quarry(id, change);
        let now = self.cx.clock.now();
        let begins = self.lands_by(id).unwrap_or(now).max(now);
        let deadline = quarry.deadline.max(after(begins, quarry.pace.settle_timeout));
        Quarry { deadline, ..quarry }
    }
}
