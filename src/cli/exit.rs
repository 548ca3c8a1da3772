//! The exit codes: public, documented, stable.

use crate::{
    engine::{RunState, Standing},
    journal::RunOutcome,
};
use std::process::ExitCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Completed = 0,
    /// Failed, and stopped as the runbook declares.
    Failed = 1,
    Usage = 2,
    /// The runbook has findings.
    Findings = 3,
    /// Drift, lag, permission, a lost region.
    Refused = 4,
    /// Needs an operator.
    Paused = 5,
    /// Failed, and rolled back cleanly.
    RolledBack = 6,
    /// A rollback is incomplete.
    Stuck = 7,
    LockHeld = 8,
    /// A drill missed an objective, or did not get back to where it began.
    Missed = 9,
    /// A rehearsal found a violation.
    Violated = 10,
    Declined = 11,
    Bug = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The code of a run as it left the engine. A rollback that was asked for and ended clean is a success.
    pub(super) fn of(state: &RunState, rollback_was_asked_for: bool) -> Self {
        match &state.standing {
            Standing::Running | Standing::Paused(_) => Self::Paused,
            Standing::Ended(RunOutcome::Completed) => Self::Completed,
            Standing::Ended(RunOutcome::RolledBack) if rollback_was_asked_for => Self::Completed,
            Standing::Ended(RunOutcome::RolledBack) => Self::RolledBack,
            Standing::Ended(RunOutcome::Failed) => Self::Failed,
            Standing::Ended(RunOutcome::Stuck) => Self::Stuck,
        }
    }
}
