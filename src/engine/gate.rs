//! The engine's own gates: a wait that survives a crash, and an approval that is bound to the plan.

use super::{
    driver::{Declined, Engine},
    ledger::Halt,
    state::StepPhase,
};
use crate::journal::{Failure, Record, StepOutcome, Storage};
use crate::runbook::OnFailure;
use lifeboat_contract::{StepId, clock::after};
use std::time::Duration;

impl<S: Storage> Engine<'_, S> {
    /// Waits until the journaled moment: a resume does not start it anew.
    pub(super) async fn wait(&self, id: &StepId, duration: Duration) -> Result<(), Halt> {
        let until = match self.phase(id) {
            StepPhase::WaitingUntil(until) => until,
            _ => {
                let until = after(self.cx.clock.now(), duration);
                self.ledger.record(&Record::WaitStarted { step: id.clone(), until })?;
                until
            }
        };
        self.ledger.waiting(id, "waits");
        self.pause_until(until).await;
        if self.cx.clock.now() < until {
            return Ok(());
        }
        self.passed(id)
    }

    pub(super) async fn approval(&self, id: &StepId, message: Option<&str>) -> Result<(), Halt> {
        if self.ledger.state().steps[id].approved_by.is_some() {
            return self.passed(id);
        }
        match self.approver.ask(id, message).await {
            Some(Ok(by)) => {
                let plan = self.ledger.state().plan.digest.clone();
                self.ledger.record(&Record::Approved { step: id.clone(), by, plan })?;
                self.passed(id)
            }
            Some(Err(Declined)) => {
                let failure = Failure::new("approval.declined", "the operator declined");
                self.ledger.record(&Record::StepFailed { step: id.clone(), failure, then: OnFailure::Pause })
            }
            None => self.ledger.record(&Record::ApprovalAsked { step: id.clone() }),
        }
    }

    fn passed(&self, id: &StepId) -> Result<(), Halt> {
        let outcome = StepOutcome::Passed;
        self.ledger.record(&Record::StepSettled { step: id.clone(), outcome, evidence: None })
    }
}
