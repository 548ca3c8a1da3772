//! A change, forward: capture what is, compare it with the plan, journal the intent, pursue the target.

use super::{
    Mutation,
    attempt::{Look, Pursuit, Quarry},
    driver::Engine,
    ledger::Halt,
    state::StepPhase,
    watch::{Direction, TIMED_OUT, Watch, drifted},
};
use crate::{
    journal::{Failure, Record, StepOutcome, Storage},
    plan::{PlannedBody, PlannedChange, forward},
    runbook::OnFailure,
};
use lifeboat_contract::{DynChange, ObservedValue, Phase, Position, StepId, clock::after};
use serde_json::Value;

/// What a look at a step that has not begun leads to.
enum Capture {
    /// Journal the intent and go.
    Begin {
        target: Value,
    },
    Unchanged,
    /// Look again: something that is not ours is still moving.
    Wait(String),
    Fail(Failure, OnFailure),
}

impl<S: Storage> Engine<'_, S> {
    pub(super) async fn change(&self, id: &StepId, change: &dyn DynChange) -> Result<(), Halt> {
        if self.phase(id) == StepPhase::Pending && !self.others_have_landed(id).await {
            return Ok(());
        }
        let quarry = self.quarry(id, change);
        if self.phase(id) == StepPhase::Pending && !self.capture(&quarry).await? {
            return Ok(());
        }
        match self.pursue(&quarry, Direction::Forward).await? {
            Pursuit::Settled => {
                let outcome = self.outcome(id);
                self.ledger.record(&Record::StepSettled { step: id.clone(), outcome, evidence: None })
            }
            Pursuit::Failed(failure) => {
                let then = self.policy(id, &failure);
                self.ledger.record(&Record::StepFailed { step: id.clone(), failure, then })
            }
            Pursuit::Interrupted => Ok(()),
        }
    }

    /// Waits until nothing that other steps sent for the same cells can land on top of what this one is about to do. The step's own
    /// time begins after that. Returns whether it came to that, or was interrupted.
    async fn others_have_landed(&self, id: &StepId) -> bool {
        while let Some(at) = self.others_land_by(id).filter(|at| self.cx.clock.now() < *at) {
            if self.cancel.requested() {
                return false;
            }
            self.ledger.waiting(id, "a call of an earlier step may still take effect here");
            self.pause_until(at).await;
        }
        true
    }

    pub(super) fn quarry<'s>(&self, id: &'s StepId, change: &'s dyn DynChange) -> Quarry<'s> {
        let mut pace = change.pace();
        if self.has(Mutation::SettlesAtFirstLook) {
            pace.settled_polls = 1;
        }
        let state = self.ledger.state();
        let timeout = state.planned(id).timeout.map_or(pace.settle_timeout, lifeboat_contract::Span::get);
        Quarry { id, change, cx: self.cx_of(id), pace, deadline: after(self.cx.clock.now(), timeout) }
    }

    /// A drift is a person's to judge: whatever the runbook declares, the run pauses.
    fn policy(&self, id: &StepId, failure: &Failure) -> OnFailure {
        if failure.code == "drifted" { OnFailure::Pause } else { self.ledger.state().planned(id).on_failure }
    }

    /// Its own work is *changed*; what it found done after an attempt of unknown outcome is *adopted*.
    fn outcome(&self, id: &StepId) -> StepOutcome {
        let state = self.ledger.state();
        let last = state.steps[id].intent.as_ref().and_then(|intent| intent.last.as_ref());
        match last.and_then(|last| last.end.as_ref()) {
            Some(end) if end.failure.is_none() => StepOutcome::Changed,
            _ => StepOutcome::Adopted,
        }
    }

    /// Captures what is and journals the intent. Returns whether there is something to pursue.
    async fn capture(&self, quarry: &Quarry<'_>) -> Result<bool, Halt> {
        let planned = match &self.ledger.state().planned(quarry.id).body {
            PlannedBody::Change(change) => change.clone(),
            _ => unreachable!("a change is planned as one"),
        };
        loop {
            let seen = match self.look(quarry).await? {
                Look::Seen(seen) => seen,
                Look::Interrupted => return Ok(false),
                Look::Failed(failure) => {
                    let then = self.policy(quarry.id, &failure);
                    self.ledger.record(&Record::StepFailed { step: quarry.id.clone(), failure, then })?;
                    return Ok(false);
                }
            };
            let step = quarry.id.clone();
            match self.judge_capture(quarry, &planned, &seen) {
                Capture::Begin { target } => {
                    let reversal = quarry.change.reversal(&forward(&seen, &target, &quarry.cx.run));
                    let (before, facts) = (seen.state, seen.facts);
                    self.ledger.record(&Record::StepStarted { step, before, target, facts, reversal })?;
                    return Ok(true);
                }
                Capture::Unchanged => {
                    self.ledger.record(&Record::StepUnchanged { step, state: seen.state })?;
                    return Ok(false);
                }
                Capture::Fail(failure, then) => {
                    self.ledger.record(&Record::StepFailed { step, failure, then })?;
                    return Ok(false);
                }
                Capture::Wait(what) => {
                    self.ledger.waiting(quarry.id, &what);
                    self.pause(quarry.pace.poll).await;
                }
            }
        }
    }

    fn judge_capture(&self, quarry: &Quarry<'_>, planned: &PlannedChange, seen: &ObservedValue) -> Capture {
        let declared = self.ledger.state().planned(quarry.id).on_failure;
        let target = match quarry.change.target(seen, &quarry.cx.run) {
            Ok(target) => target,
            Err(refusal) => {
                let failure = Failure { hint: refusal.hint, ..Failure::new(refusal.code, refusal.message) };
                return Capture::Fail(failure, declared);
            }
        };
        let as_planned = Some(&seen.state) == planned.before.as_ref() && Some(&target) == planned.target.as_ref();
        if let Phase::Moving { toward, status } = &seen.phase {
            let joins =
                toward.as_ref().is_some_and(|toward| Position::of(toward, &seen.state, &target) == Position::Target);
            return match toward {
                Some(_) if joins && as_planned => Capture::Begin { target },
                Some(toward) if !joins => Capture::Fail(under_way(status, toward), declared),
                _ if self.cx.clock.now() >= quarry.deadline => {
                    Capture::Fail(Failure::new(TIMED_OUT, format!("it is still moving ({status})")), declared)
                }
                _ => Capture::Wait(status.clone()),
            };
        }
        if seen.state == target {
            Capture::Unchanged
        } else if as_planned {
            Capture::Begin { target }
        } else {
            Capture::Fail(not_as_planned(quarry, planned, seen), OnFailure::Pause)
        }
    }
}

fn under_way(status: &str, toward: &Value) -> Failure {
    Failure::new("move.under_way", format!("another change is under way ({status}), toward {toward}"))
        .hint("find out who is changing it; `lifeboat resume` looks again")
}

fn not_as_planned(quarry: &Quarry<'_>, planned: &PlannedChange, seen: &ObservedValue) -> Failure {
    let watch = Watch {
        direction: Direction::Forward,
        before: planned.before.clone().unwrap_or_default(),
        target: planned.target.clone().unwrap_or_default(),
        acknowledged_at: None,
        lands_by: None,
        deadline: quarry.deadline,
        streak: 0,
    };
    Failure {
        message: "the world is not as it was planned for: somebody changed it since".to_owned(),
        untouched: true,
        ..drifted(&watch, &seen.state)
    }
}
