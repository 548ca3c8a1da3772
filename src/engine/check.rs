//! A check: asked again until it has passed often enough in a row, or its time is over.

use super::{driver::Engine, ledger::Halt};
use crate::journal::{CheckTried, Failure, Record, StepOutcome, Storage};
use lifeboat_contract::{CallScope, DynCheck, Retry, Span, StepId, clock::after};

impl<S: Storage> Engine<'_, S> {
    pub(super) async fn check(&self, id: &StepId, check: &dyn DynCheck) -> Result<(), Halt> {
        let cadence = check.cadence();
        let cx = self.cx_of(id);
        let timeout = self.ledger.state().planned(id).timeout.map_or(cadence.timeout, Span::get);
        let deadline = after(self.cx.clock.now(), timeout);
        let mut streak = 0;
        let mut tries = 0;
        while !self.cancel.requested() {
            tries += 1;
            let scope = CallScope {
                step: Some(id.clone()),
                attempt: tries,
                deadline: Some(after(self.cx.clock.now(), cadence.try_timeout)),
            };
            let (passed, evidence, hopeless) = match scope.enclose(check.ask(&cx)).await {
                Ok(answer) => (answer.passed, answer.evidence, false),
                Err(error) => (false, error.to_string(), error.retry == Retry::Never),
            };
            let evidence = self.cx.secrets.redact(&evidence);
            streak = if passed { streak + 1 } else { 0 };
            let step = id.clone();
            let tried = CheckTried { step: step.clone(), passed, streak, evidence: evidence.clone() };
            self.ledger.record(&Record::CheckTried(tried))?;
            if streak >= cadence.healthy_threshold {
                let outcome = StepOutcome::Passed;
                return self.ledger.record(&Record::StepSettled { step, outcome, evidence: Some(evidence) });
            }
            if hopeless || self.cx.clock.now() >= deadline {
                let failure = Failure::new("check.failed", evidence);
                let then = self.ledger.state().planned(id).on_failure;
                return self.ledger.record(&Record::StepFailed { step, failure, then });
            }
            self.ledger.waiting(id, &format!("{streak} of {} passes in a row: {evidence}", cadence.healthy_threshold));
            self.pause(cadence.interval).await;
        }
        Ok(())
    }
}
