//! One attempt, and the pursuit of a goal: observe, judge, drive, again. The same loop serves both directions.
//!
//! It never assumes what a drive did: after every one of them it observes.

use super::{
    Mutation,
    driver::Engine,
    ledger::Halt,
    watch::{Direction, TIMED_OUT, Verdict, Watch, judge},
};
use crate::{
    journal::{Failure, Record, Storage},
    plan::forward,
};
use jiff::Timestamp;
use lifeboat_contract::{
    CallError, CallFailure, CallScope, Cx, DynChange, Effect, ObservedValue, Pace, Position, Retry, StepId,
    TransitionValue, clock::after,
};
use serde_json::Value;
use std::time::Duration;

/// The longest pause between two tries.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// The pause while a provider has no capacity. Such tries have a budget of their own: the step's deadline.
const CAPACITY_PAUSE: Duration = Duration::from_secs(30);
const OBSERVATION_BACKOFF: Duration = Duration::from_secs(1);

/// How a pursuit ended.
pub(super) enum Pursuit {
    Settled,
    Failed(Failure),
    /// The operator interrupted it between two calls.
    Interrupted,
}

/// What an observation brought.
pub(super) enum Look {
    Seen(ObservedValue),
    Failed(Failure),
    Interrupted,
}

/// One step being pursued.
pub(super) struct Quarry<'s> {
    pub(super) id: &'s StepId,
    pub(super) change: &'s dyn DynChange,
    pub(super) cx: Cx,
    pub(super) pace: Pace,
    pub(super) deadline: Timestamp,
}

/// What became of the drives of this pursuit.
#[derive(Default)]
struct Tally {
    failed: u32,
    /// A rejection that no repetition mends: fails the step unless the world turns out to be there already.
    rejected: Option<Failure>,
    not_before: Option<Timestamp>,
}

impl<S: Storage> Engine<'_, S> {
    /// Observes a step, again while the provider asks to come back later, until the step's deadline.
    pub(super) async fn look(&self, quarry: &Quarry<'_>) -> Result<Look, Halt> {
        let scope = CallScope { step: Some(quarry.id.clone()), ..CallScope::default() };
        let mut pause = OBSERVATION_BACKOFF;
        loop {
            if self.cancel.requested() {
                return Ok(Look::Interrupted);
            }
            let error = match scope.clone().enclose(quarry.change.observe(&quarry.cx)).await {
                Ok(seen) => return Ok(Look::Seen(seen)),
                Err(error) => error,
            };
            if error.retry == Retry::Never || self.cx.clock.now() >= quarry.deadline {
                return Ok(Look::Failed(self.unseen(quarry.id, &error)));
            }
            let what = self.cx.secrets.redact(&format!("cannot observe: {}", error.record()));
            self.ledger.waiting(quarry.id, &what);
            self.pause(requested_pause(&error).unwrap_or_else(|| self.chance.jitter(pause))).await;
            pause = (pause * 2).min(BACKOFF_MAX);
        }
    }

    /// A step that cannot be observed is of unknown outcome as soon as anything was sent.
    fn unseen(&self, id: &StepId, error: &CallError) -> Failure {
        let state = self.ledger.state();
        let sent = state.steps[id].intent.as_ref().is_some_and(|intent| intent.may_have_effect);
        let message = self.cx.secrets.redact(&format!("cannot observe: {}", error.record()));
        Failure { unknown: sent, ..Failure::new(error.code.clone(), message) }
    }

    /// Observes and drives until the world has settled at the goal of `direction`.
    pub(super) async fn pursue(&self, quarry: &Quarry<'_>, direction: Direction) -> Result<Pursuit, Halt> {
        let mut watch = self.watch(quarry, direction);
        let mut tally = Tally::default();
        let mut unseen = self.has(Mutation::RedriveUnseen) && self.attempts(quarry.id, direction) > 0;
        loop {
            let mut seen = match self.look(quarry).await? {
                Look::Seen(seen) => seen,
                Look::Failed(failure) => return Ok(Pursuit::Failed(failure)),
                Look::Interrupted => return Ok(Pursuit::Interrupted),
            };
            watch.lands_by = self.lands_by(quarry.id);
            if std::mem::take(&mut unseen) {
                seen.state.clone_from(watch.start());
                self.drive(quarry, &seen, &mut watch, &mut tally).await?;
                continue;
            }
            let verdict = match judge(&mut watch, &seen, &quarry.pace, self.cx.clock.now()) {
                Verdict::Fail(failure) if failure.code == "drifted" && self.overwrites(direction) => Verdict::Drive,
                // It reads as it should, and what made it so was turned down half-way: it may not be in force.
                Verdict::Settled if is_faulted(&seen) && self.was_turned_down(quarry.id, Direction::Back) => {
                    Verdict::Drive
                }
                verdict => verdict,
            };
            match verdict {
                Verdict::Settled => return Ok(Pursuit::Settled),
                Verdict::Fail(failure) => {
                    // That its time is over says less than why it was turned down.
                    let why = tally.rejected.take().filter(|_| failure.code == TIMED_OUT);
                    let unknown = failure.unknown;
                    let failure = why.map_or(failure, |why| Failure { unknown, ..why });
                    return Ok(Pursuit::Failed(self.tried(failure, &watch, &seen)));
                }
                Verdict::Hold(what) => {
                    self.ledger.waiting(quarry.id, &what);
                    self.pause(quarry.pace.poll).await;
                }
                Verdict::HoldUntil(at) => {
                    self.ledger.waiting(quarry.id, "a call of unknown outcome may still take effect");
                    self.pause_until(at).await;
                }
                // A drive that was turned down may have made calls before that are not visible yet: it is looked at again.
                Verdict::Drive if tally.rejected.is_some() && self.outstanding(&watch) => {
                    self.ledger.waiting(quarry.id, "turned down; looks whether any of it took effect");
                    self.pause_until(watch.lands_by.unwrap_or(quarry.deadline).min(quarry.deadline)).await;
                }
                Verdict::Drive => {
                    if let Some(failure) = tally.rejected.take().or_else(|| refused(quarry, direction, &seen)) {
                        return Ok(Pursuit::Failed(self.tried(failure, &watch, &seen)));
                    }
                    if let Some(at) = tally.not_before.take().filter(|at| self.cx.clock.now() < *at) {
                        self.pause_until(at).await;
                        continue;
                    }
                    self.drive(quarry, &seen, &mut watch, &mut tally).await?;
                }
            }
        }
    }

    fn watch(&self, quarry: &Quarry<'_>, direction: Direction) -> Watch {
        let state = self.ledger.state();
        let intent = state.steps[quarry.id].intent.as_ref().expect("a pursuit follows a recorded intent");
        Watch {
            direction,
            before: intent.before.clone(),
            target: intent.target.clone(),
            acknowledged_at: None,
            lands_by: self.lands_by(quarry.id),
            deadline: quarry.deadline,
            streak: 0,
        }
    }

    /// Whether the last attempt in this direction is not known to have been accepted.
    fn was_turned_down(&self, id: &StepId, direction: Direction) -> bool {
        let state = self.ledger.state();
        let last = state.steps[id].intent.as_ref().and_then(|intent| intent.last.as_ref());
        last.is_some_and(|last| {
            last.direction == direction && last.end.as_ref().is_none_or(|end| end.failure.is_some())
        })
    }

    fn overwrites(&self, direction: Direction) -> bool {
        direction == Direction::Back && self.has(Mutation::UndoUncompared)
    }

    fn attempts(&self, id: &StepId, direction: Direction) -> u32 {
        self.ledger.state().steps[id].intent.as_ref().map_or(0, |intent| intent.attempts(direction))
    }

    /// Until when a forward call of this step, or any call of another one that owns a cell of it, may still take effect or come
    /// to light.
    pub(super) fn lands_by(&self, id: &StepId) -> Option<Timestamp> {
        let own = self.ledger.state().steps[id].intent.as_ref().and_then(super::Intent::lands_by);
        own.filter(|_| !self.has(Mutation::LateEffectsIgnored)).max(self.others_land_by(id))
    }

    /// Until when a call of another step that owns one of the same cells may still take effect.
    pub(super) fn others_land_by(&self, id: &StepId) -> Option<Timestamp> {
        self.ledger.state().others_land_by(id).filter(|_| !self.has(Mutation::LateEffectsIgnored))
    }

    /// Whether a call may still take effect, and there is time to wait for it.
    fn outstanding(&self, watch: &Watch) -> bool {
        let now = self.cx.clock.now();
        watch.lands_by.is_some_and(|lands_by| now < lands_by) && now < watch.deadline
    }

    /// Adds to a failure what is known of the step's effect.
    fn tried(&self, failure: Failure, watch: &Watch, seen: &ObservedValue) -> Failure {
        let outstanding = watch.lands_by.is_some_and(|lands_by| self.cx.clock.now() < lands_by);
        let settled = seen.phase == lifeboat_contract::Phase::Settled;
        let before = Position::of(&seen.state, &watch.before, &watch.target) == Position::Before;
        Failure { untouched: before && settled && !outstanding && watch.acknowledged_at.is_none(), ..failure }
    }

    /// One attempt: its intent is durable before its first call, and its end is recorded as it was answered.
    async fn drive(
        &self,
        quarry: &Quarry<'_>,
        seen: &ObservedValue,
        watch: &mut Watch,
        tally: &mut Tally,
    ) -> Result<(), Halt> {
        let direction = watch.direction;
        let attempt = self.attempts(quarry.id, direction) + 1;
        let deadline_at = after(self.cx.clock.now(), quarry.pace.drive_timeout);
        let lands_by = after(deadline_at, quarry.pace.lands_within + quarry.pace.visible_within);
        let step = quarry.id.clone();
        let sent = Record::AttemptSent { step: step.clone(), attempt, direction, deadline_at, lands_by };
        let late = self.has(Mutation::IntentAfterAct);
        if !late {
            self.ledger.record(&sent)?;
        }
        let transition = transition(quarry, seen, watch);
        let scope = CallScope { step: Some(step.clone()), attempt, deadline: Some(deadline_at) };
        let mut result = scope.clone().enclose(quarry.change.drive(&quarry.cx, &transition)).await;
        if self.has(Mutation::TimeoutRetriedBlindly) && result.as_ref().is_err_and(|e| e.effect == Effect::Unknown) {
            result = scope.enclose(quarry.change.drive(&quarry.cx, &transition)).await;
        }
        if late {
            self.ledger.record(&sent)?;
        }

        let failure = result.as_ref().err().map(|error| self.redacted(error));
        let visible_by = after(self.cx.clock.now(), quarry.pace.visible_within);
        self.ledger.record(&Record::AttemptEnded { step, attempt, visible_by, failure: failure.clone() })?;
        watch.acknowledged_at = result.is_ok().then(|| self.cx.clock.now());
        if let (Err(error), Some(failure)) = (result, failure) {
            self.weigh(quarry, &error, &failure, tally);
        }
        Ok(())
    }

    pub(super) fn redacted(&self, error: &CallError) -> CallFailure {
        let failure = error.record();
        CallFailure { message: self.cx.secrets.redact(&failure.message), ..failure }
    }

    /// Decides whether another drive may follow a failed one, and when. An unknown outcome is observed first, always.
    fn weigh(&self, quarry: &Quarry<'_>, error: &CallError, failure: &CallFailure, tally: &mut Tally) {
        let policy = self.ledger.state().planned(quarry.id).retry.clone();
        let now = self.cx.clock.now();
        let unknown = error.effect == Effect::Unknown;
        let failed = Failure { unknown, ..Failure::new(error.code.clone(), failure.to_string()) };
        match error.retry {
            Retry::Never if !unknown => tally.rejected = Some(failed),
            Retry::Capacity => tally.not_before = Some(after(now, self.chance.jitter(CAPACITY_PAUSE))),
            Retry::Never | Retry::Backoff | Retry::After(_) => {
                tally.failed += 1;
                if tally.failed >= policy.attempts_max {
                    tally.rejected = Some(failed);
                    return;
                }
                let doubled = policy.backoff.saturating_mul(1 << (tally.failed - 1).min(16)).min(BACKOFF_MAX);
                let pause = requested_pause(error).unwrap_or_else(|| self.chance.jitter(doubled));
                tally.not_before = Some(after(now, pause));
            }
        }
        self.ledger.waiting(quarry.id, &failure.to_string());
    }
}

/// The gates (lag, health) are asked again before every drive forward. The way back has none: it restores what was.
fn refused(quarry: &Quarry<'_>, direction: Direction, seen: &ObservedValue) -> Option<Failure> {
    if direction == Direction::Back {
        return None;
    }
    let refusal = quarry.change.target(seen, &quarry.cx.run).err()?;
    Some(Failure { hint: refusal.hint, ..Failure::new(refusal.code, refusal.message) })
}

fn transition(quarry: &Quarry<'_>, seen: &ObservedValue, watch: &Watch) -> TransitionValue {
    match watch.direction {
        Direction::Forward => forward(seen, &watch.target, &quarry.cx.run),
        Direction::Back => TransitionValue {
            now: seen.clone(),
            to: Value::clone(&watch.before),
            direction: Direction::Back,
            mode: quarry.cx.run.mode,
            data_loss: None,
        },
    }
}

fn is_faulted(seen: &ObservedValue) -> bool {
    matches!(seen.phase, lifeboat_contract::Phase::Faulted { .. })
}

fn requested_pause(error: &CallError) -> Option<Duration> {
    match error.retry {
        Retry::After(pause) => Some(pause),
        _ => None,
    }
}
