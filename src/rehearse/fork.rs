//! A moment of a rehearsal at which nothing is under way: a journal and a world, from which others go on instead of repeating what
//! came before.

use super::{
    explore::Outcome,
    fault::{Fault, Place, Policy},
    life::Left,
};
use crate::{
    engine::{RunState, Standing, StepPhase},
    journal::Record,
};
use lifeboat_simulated::World;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Such a moment.
#[derive(Debug, Clone)]
pub(super) struct Fork {
    /// How many lives the process had before this one.
    pub(super) lives: u32,
    /// What the operator types first. Nothing where the process just goes on.
    pub(super) first: Vec<Record>,
    pub(super) left: Left,
    pub(super) world: World,
}

impl Fork {
    /// Whether a fault strikes after this moment.
    pub(super) fn precedes(&self, fault: &Fault) -> bool {
        match fault.place() {
            Place::Record(n) => n >= self.records(),
            Place::Request(n) => n >= self.left.sent.len() as u64,
        }
    }

    pub(super) fn records(&self) -> u64 {
        lines(&self.left.disk)
    }
}

/// How many lines a journal has.
pub(super) fn lines(journal: &[u8]) -> u64 {
    journal.split(|byte| *byte == b'\n').count() as u64 - 1
}

/// Whether no step is under way right after a record: every other step is done, or could not have begun yet.
pub(super) fn is_at_rest(record: &Record, state: &RunState) -> bool {
    if state.standing != Standing::Running {
        return false;
    }
    let about = match record {
        Record::StepSettled { step, .. } | Record::StepUnchanged { step, .. } | Record::StepSkipped { step, .. } => {
            step
        }
        // The way back goes one step at a time.
        Record::UndoSettled { .. } => return true,
        _ => return false,
    };
    state.plan.steps.iter().filter(|step| step.id != *about).all(|step| {
        let now = &state.steps[&step.id];
        let could_not_begin = || step.needs.iter().any(|need| need == about || !state.steps[need].is_done());
        now.is_done() || now.phase == StepPhase::Pending && could_not_begin()
    })
}

/// What stands for a state in which a run is gone on with: all that the rest depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn of(fork: &Fork, policy: Policy, pending: &[Fault]) -> Self {
        let mut digest = Sha256::new();
        digest.update(&fork.left.disk);
        let rest = (policy, pending, fork.lives, &fork.first, &fork.left.sent, &fork.left.log);
        digest.update(format!("{rest:?}"));
        digest.update(serde_json::to_vec(&fork.world).expect("a world can be written"));
        Self(digest.finalize().into())
    }
}

/// How rehearsals ended that went on from a state, whoever performed them.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<BTreeMap<Key, Outcome>>);

impl Seen {
    pub(super) fn knows(&self, key: &Key) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }

    pub(super) fn recall(&self, key: &Key) -> Option<Outcome> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(super) fn note(&self, keys: &[Key], outcome: &Outcome) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            seen.insert(*key, outcome.clone());
        }
    }
}
