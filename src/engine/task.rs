//! A task: its intent, its attempts, and its way back. What it changes cannot be observed.
//!
//! Where a change is looked at, a task is asked whether doing it twice equals doing it once: only then is an attempt of unknown
//! outcome repeated. Otherwise a person says what became of it.

use super::{Mutation, driver::Engine, ledger::Halt, state::StepPhase};
use crate::{
    journal::{Failure, Record, StepOutcome, Storage, UndoOutcome},
    plan::PlannedBody,
};
use jiff::Timestamp;
use lifeboat_contract::{CallError, CallScope, Cx, Direction, DynTask, Effect, Retry, StepId, TaskPace, clock::after};
use serde_json::Value;
use std::time::Duration;

/// The longest pause between two tries.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// How a task went, one way.
enum Deed {
    Done(Option<String>),
    Failed(Failure),
    /// The operator interrupted it between two tries.
    Interrupted,
}

/// What is known of the attempts before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    /// Nothing was sent, or all that was sent certainly changed nothing.
    Nothing,
    Done,
    Unknown,
}

/// One task on its way.
struct Errand<'s> {
    id: &'s StepId,
    task: &'s dyn DynTask,
    direction: Direction,
    cx: Cx,
    pace: TaskPace,
    deadline: Timestamp,
}

impl<S: Storage> Engine<'_, S> {
    pub(super) async fn task(&self, id: &StepId, task: &dyn DynTask) -> Result<(), Halt> {
        let step = id.clone();
        if self.phase(id) == StepPhase::Pending {
            if let Err(refusal) = task.admit(&self.cx_of(id)) {
                let failure = Failure { hint: refusal.hint, ..Failure::new(refusal.code, refusal.message) };
                let then = self.ledger.state().planned(id).on_failure;
                return self.ledger.record(&Record::StepFailed { step, failure, then });
            }
            let reversal = match &self.ledger.state().planned(id).body {
                PlannedBody::Task(task) => task.reversal.clone(),
                _ => unreachable!("a task is planned as one"),
            };
            let nothing = || Value::Null;
            self.ledger.record(&Record::StepStarted {
                step: step.clone(),
                before: nothing(),
                target: nothing(),
                facts: nothing(),
                reversal,
            })?;
        }
        match self.run_errand(&self.errand(id, task, Direction::Forward)).await? {
            Deed::Done(evidence) => {
                self.ledger.record(&Record::StepSettled { step, outcome: StepOutcome::Changed, evidence })
            }
            Deed::Failed(failure) => {
                let then = self.ledger.state().planned(id).on_failure;
                self.ledger.record(&Record::StepFailed { step, failure, then })
            }
            Deed::Interrupted => Ok(()),
        }
    }

    /// Undoes a task by the way back that the runbook declares. One without is never come to: it is a point of no return.
    pub(super) async fn undo_task(&self, id: &StepId, undo: Option<&dyn DynTask>) -> Result<(), Halt> {
        let step = id.clone();
        if self.phase(id) != StepPhase::Undoing {
            self.ledger.record(&Record::UndoStarted { step: step.clone() })?;
        }
        let undo = undo.expect("a task without a way back is not undone: `decide` stops before it");
        if let Err(refusal) = undo.admit(&self.cx_of(id)) {
            let failure = Failure { hint: refusal.hint, ..Failure::new(refusal.code, refusal.message) };
            return self.ledger.record(&Record::UndoFailed { step, failure });
        }
        // What was sent may still land, and would then undo the undo.
        let lands_by = self.lands_by(id);
        if let Some(at) = lands_by.filter(|at| self.cx.clock.now() < *at) {
            self.ledger.waiting(id, "work of unknown outcome may still take effect");
            self.pause_until(at).await;
        }
        if self.cancel.requested() {
            return Ok(());
        }
        match self.run_errand(&self.errand(id, undo, Direction::Back)).await? {
            Deed::Done(_) => self.ledger.record(&Record::UndoSettled { step, outcome: UndoOutcome::Restored }),
            Deed::Failed(failure) => self.ledger.record(&Record::UndoFailed { step, failure }),
            Deed::Interrupted => Ok(()),
        }
    }

    fn errand<'s>(&self, id: &'s StepId, task: &'s dyn DynTask, direction: Direction) -> Errand<'s> {
        let pace = task.pace();
        let given = self.ledger.state().planned(id).timeout.map(lifeboat_contract::Span::get);
        // The way back has the kind's own time, however little the runbook gives the way there.
        let timeout = match direction {
            Direction::Forward => given.unwrap_or(pace.timeout),
            Direction::Back => given.map_or(pace.timeout, |given| given.max(pace.timeout)),
        };
        Errand { id, task, direction, cx: self.cx_of(id), deadline: after(self.cx.clock.now(), timeout), pace }
    }

    async fn run_errand(&self, errand: &Errand<'_>) -> Result<Deed, Halt> {
        let policy = self.ledger.state().planned(errand.id).retry.clone();
        let mut failed = 0;
        loop {
            match self.past(errand) {
                Past::Done => return Ok(Deed::Done(None)),
                Past::Unknown if !self.repeats(errand) => return Ok(Deed::Failed(outcome_unknown(errand))),
                Past::Nothing | Past::Unknown => {}
            }
            if self.cancel.requested() {
                return Ok(Deed::Interrupted);
            }
            let error = match self.attempt(errand).await? {
                Ok(evidence) => return Ok(Deed::Done(Some(evidence))),
                Err(error) => error,
            };
            if error.effect == Effect::Unknown && !self.repeats(errand) {
                continue;
            }
            failed += 1;
            let hopeless = error.retry == Retry::Never && error.effect == Effect::None;
            if hopeless || failed >= policy.attempts_max || self.cx.clock.now() >= errand.deadline {
                return Ok(Deed::Failed(self.given_up(errand, &error)));
            }
            let doubled = policy.backoff.saturating_mul(1 << (failed - 1).min(16)).min(BACKOFF_MAX);
            let pause = match error.retry {
                Retry::After(pause) => pause,
                _ => self.chance.jitter(doubled),
            };
            self.ledger.waiting(errand.id, &self.cx.secrets.redact(&error.to_string()));
            self.pause(pause).await;
        }
    }

    fn repeats(&self, errand: &Errand<'_>) -> bool {
        errand.task.repeatable() || self.has(Mutation::TimeoutRetriedBlindly)
    }

    /// One attempt: durable before anything is sent, and its end recorded as it was answered.
    async fn attempt(&self, errand: &Errand<'_>) -> Result<Result<String, CallError>, Halt> {
        let (step, direction) = (errand.id.clone(), errand.direction);
        let attempt = self.ledger.state().steps[errand.id].intent.as_ref().map_or(0, |i| i.attempts(direction)) + 1;
        let deadline_at = after(self.cx.clock.now(), errand.pace.try_timeout);
        let lands_by = after(deadline_at, errand.pace.lands_within);
        self.ledger.record(&Record::AttemptSent { step: step.clone(), attempt, direction, deadline_at, lands_by })?;
        let scope = CallScope { step: Some(step.clone()), attempt, deadline: Some(deadline_at) };
        let result = scope.enclose(errand.task.perform(&errand.cx)).await;
        let failure = result.as_ref().err().map(|error| self.redacted(error));
        self.ledger.record(&Record::AttemptEnded { step, attempt, visible_by: self.cx.clock.now(), failure })?;
        Ok(result.map(|performed| self.cx.secrets.redact(&performed.evidence)))
    }

    fn past(&self, errand: &Errand<'_>) -> Past {
        let state = self.ledger.state();
        let last = state.steps[errand.id].intent.as_ref().and_then(|intent| intent.last.as_ref());
        let Some(last) = last.filter(|last| last.direction == errand.direction) else { return Past::Nothing };
        match last.end.as_ref().map(|end| &end.failure) {
            None => Past::Unknown,
            Some(None) => Past::Done,
            Some(Some(failure)) if failure.effect == Effect::Unknown => Past::Unknown,
            Some(Some(_)) => Past::Nothing,
        }
    }

    fn given_up(&self, errand: &Errand<'_>, error: &CallError) -> Failure {
        let state = self.ledger.state();
        let intent = state.steps[errand.id].intent.as_ref();
        let never_unknown = intent.is_none_or(|intent| intent.forward_lands_by.is_none());
        let message = self.cx.secrets.redact(&error.record().to_string());
        Failure {
            unknown: error.effect == Effect::Unknown || !never_unknown,
            untouched: errand.direction == Direction::Forward && error.effect == Effect::None && never_unknown,
            ..Failure::new(error.code.clone(), message)
        }
    }
}

fn outcome_unknown(errand: &Errand<'_>) -> Failure {
    let what = errand.task.describe();
    Failure {
        unknown: true,
        ..Failure::new("outcome.unknown", format!("`{what}` was begun, and nobody knows whether it was done"))
    }
    .hint("it cannot be observed, and repeating it might do it twice: find out, then say so with `--mark-done`, `--skip` or `--again`")
}
