//! One change's intent and its attempts, and until when what was sent may still take effect. Pure.
//!
//! Knows nothing of the run: `state` says which record may follow which.

use jiff::Timestamp;
use lifeboat_contract::{CallFailure, Direction, Effect, Reversal};
use serde_json::Value;

/// A change that began: what was captured, where it goes, and what was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    pub before: Value,
    pub target: Value,
    pub reversal: Reversal,
    pub forward_attempts: u32,
    pub back_attempts: u32,
    pub last: Option<Attempt>,
    /// Whether any attempt may have changed the world.
    pub may_have_effect: bool,
    /// Until then, a forward call of unknown outcome may still take effect.
    pub forward_lands_by: Option<Timestamp>,
    /// Until then, a call back of unknown outcome may still take effect: a matter for other steps that own the same cells.
    pub back_lands_by: Option<Timestamp>,
    /// Until then, an accepted forward call may not show yet. Forgotten once the step has been seen to settle.
    pub forward_visible_by: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub number: u32,
    pub direction: Direction,
    pub lands_by: Timestamp,
    pub end: Option<AttemptEnd>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AttemptEnd {
    pub at: Timestamp,
    pub failure: Option<CallFailure>,
}

impl Intent {
    pub(super) fn new(before: Value, target: Value, reversal: Reversal) -> Self {
        Self {
            before,
            target,
            reversal,
            forward_attempts: 0,
            back_attempts: 0,
            last: None,
            may_have_effect: false,
            forward_lands_by: None,
            back_lands_by: None,
            forward_visible_by: None,
        }
    }

    pub fn attempts(&self, direction: Direction) -> u32 {
        match direction {
            Direction::Forward => self.forward_attempts,
            Direction::Back => self.back_attempts,
        }
    }

    /// What was in flight when a process died stays of unknown outcome, whatever becomes of the attempts after it.
    pub(super) fn send(&mut self, number: u32, direction: Direction, lands_by: Timestamp) {
        if let Some(left) = self.last.take().filter(|last| last.end.is_none()) {
            self.may_land(left.direction, left.lands_by);
        }
        match direction {
            Direction::Forward => self.forward_attempts = number,
            Direction::Back => self.back_attempts = number,
        }
        self.may_have_effect = true;
        self.last = Some(Attempt { number, direction, lands_by, end: None });
    }

    /// A call of unknown outcome may still take effect until `lands_by`. A rejected call says nothing of the calls that the same
    /// drive made before it, so that only an observation can tell that nothing changed.
    pub(super) fn end(&mut self, at: Timestamp, visible_by: Timestamp, failure: Option<CallFailure>) {
        let Some(last) = self.last.as_mut() else { return };
        let (direction, lands_by) = (last.direction, last.lands_by);
        let unknown = failure.as_ref().is_some_and(|failure| failure.effect == Effect::Unknown);
        last.end = Some(AttemptEnd { at, failure });
        if unknown {
            self.may_land(direction, lands_by);
        } else if direction == Direction::Forward {
            self.forward_visible_by = self.forward_visible_by.max(Some(visible_by));
        }
    }

    fn may_land(&mut self, direction: Direction, by: Timestamp) {
        let moment = match direction {
            Direction::Forward => &mut self.forward_lands_by,
            Direction::Back => &mut self.back_lands_by,
        };
        *moment = (*moment).max(Some(by));
    }

    /// Until when a call in either direction may still take effect.
    pub(super) fn all_land_by(&self) -> Option<Timestamp> {
        let open = self.last.as_ref().filter(|last| last.end.is_none());
        self.lands_by().max(self.back_lands_by).max(open.map(|last| last.lands_by))
    }

    /// Until when a forward call may still take effect or come to light, an attempt without a recorded end included.
    pub fn lands_by(&self) -> Option<Timestamp> {
        let open = self.last.as_ref().filter(|last| last.direction == Direction::Forward && last.end.is_none());
        self.forward_lands_by.max(self.forward_visible_by).max(open.map(|last| last.lands_by))
    }
}
