//! What is journaled: facts, in past tense.
//!
//! Changing a record: old readers must refuse what they cannot understand, and every released version keeps a journal in
//! `tests/journals/` that must stay readable.

use crate::{plan::Plan, runbook::OnFailure};
use jiff::Timestamp;
use lifeboat_contract::{CallFailure, Direction, Reversal, RunId, StepId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// The first record: the whole plan, runbook text included.
    RunOpened {
        run: RunId,
        plan: Box<Plan>,
        by: Identity,
        cloud: CloudChoice,
    },
    /// A change's intent: what was captured, and where it goes.
    StepStarted {
        step: StepId,
        before: Value,
        target: Value,
        facts: Value,
        reversal: Reversal,
    },
    /// A drive may begin after this is durable, and not before. None of its calls is in flight after `deadline_at`; what they
    /// did is in force and visible by `lands_by`, whatever was answered.
    AttemptSent {
        step: StepId,
        attempt: u32,
        direction: Direction,
        deadline_at: Timestamp,
        lands_by: Timestamp,
    },
    /// A drive's calls were answered: accepted, and then visible by `visible_by`, or not.
    AttemptEnded {
        step: StepId,
        attempt: u32,
        visible_by: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<CallFailure>,
    },
    /// The step stands at its target, or has passed.
    StepSettled {
        step: StepId,
        outcome: StepOutcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<String>,
    },
    /// Nothing was to do. Never undone.
    StepUnchanged {
        step: StepId,
        state: Value,
    },
    /// The step was not executed: its condition did not hold, or its region is lost.
    StepSkipped {
        step: StepId,
        outcome: StepOutcome,
        reason: String,
    },
    /// The step did not get where it should. `then` is what the runbook declares for that.
    StepFailed {
        step: StepId,
        failure: Failure,
        then: OnFailure,
    },
    CheckTried(CheckTried),
    /// A `wait` began. A resume does not start it anew.
    WaitStarted {
        step: StepId,
        until: Timestamp,
    },
    /// An approval is wanted.
    ApprovalAsked {
        step: StepId,
    },
    Approved {
        step: StepId,
        by: Identity,
        plan: String,
    },
    Overridden {
        step: StepId,
        action: OverrideAction,
        by: Identity,
        reason: String,
    },
    Paused {
        reason: PauseReason,
    },
    Resumed {
        by: Identity,
    },
    /// From here on the run goes backwards.
    RollbackStarted {
        reason: String,
        past_no_return: bool,
        by: Option<Identity>,
    },
    UndoStarted {
        step: StepId,
    },
    UndoSettled {
        step: StepId,
        outcome: UndoOutcome,
    },
    UndoFailed {
        step: StepId,
        failure: Failure,
    },
    RunEnded {
        outcome: RunOutcome,
    },
}

impl Record {
    /// The step it is about.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::StepStarted { step, .. }
            | Self::AttemptSent { step, .. }
            | Self::AttemptEnded { step, .. }
            | Self::StepSettled { step, .. }
            | Self::StepUnchanged { step, .. }
            | Self::StepSkipped { step, .. }
            | Self::StepFailed { step, .. }
            | Self::CheckTried(CheckTried { step, .. })
            | Self::WaitStarted { step, .. }
            | Self::ApprovalAsked { step }
            | Self::Approved { step, .. }
            | Self::Overridden { step, .. }
            | Self::UndoStarted { step }
            | Self::UndoSettled { step, .. }
            | Self::UndoFailed { step, .. } => Some(step),
            Self::RunOpened { .. }
            | Self::Paused { .. }
            | Self::Resumed { .. }
            | Self::RollbackStarted { .. }
            | Self::RunEnded { .. } => None,
        }
    }

    /// Whether the run must not go on before this record would survive the death of the machine.
    ///
    /// An intent must, for a side effect follows. What only tells of the past may ride along with the next one: were it lost, the
    /// step would be observed again.
    pub fn must_be_durable(&self) -> bool {
        matches!(
            self,
            Self::AttemptSent { .. }
                | Self::Approved { .. }
                | Self::Overridden { .. }
                | Self::Paused { .. }
                | Self::RollbackStarted { .. }
                | Self::RunEnded { .. }
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckTried {
    pub step: StepId,
    pub passed: bool,
    /// Passes in a row, this one included.
    pub streak: u32,
    pub evidence: String,
}

/// Which cloud a run works on. A resume and a rollback work on the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloudChoice {
    /// The providers themselves, as configured on this machine.
    Real,
    /// A simulated cloud in another process, at this address.
    Socket(String),
    /// A simulated world in this process: its state is kept beside the runs, under `name`.
    World { name: String, file: String },
}

/// Who did it: the operating system's user and host, or the cloud's own identity where one is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub name: String,
    pub host: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    Changed,
    Unchanged,
    /// It stood at its target after an attempt of unknown outcome.
    Adopted,
    Passed,
    Skipped,
    /// Skipped because a region is lost; must be done later.
    Owed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoOutcome {
    /// Driven back; what was there is restored.
    Restored,
    /// The world stood at the state before already.
    NothingToDo,
    /// An operator declared it done.
    MarkedDone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverrideAction {
    Skip,
    MarkDone,
    /// A task of unknown outcome is done once more.
    Again,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    Completed,
    /// Stopped as the runbook declares: nothing was undone.
    Failed,
    RolledBack,
    /// A rollback could not be finished.
    Stuck,
}

/// Why a step did not get where it should.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable name (`drifted`, `timed_out`) or the provider's own code.
    pub code: String,
    pub message: String,
    /// Whether the outcome is unknown: a call may have taken effect.
    pub unknown: bool,
    /// Whether the step was seen at its state before with no call outstanding: there is nothing to undo.
    #[serde(default)]
    pub untouched: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What was, what should be, and what is, where somebody else was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub states: Option<ThreeWay>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThreeWay {
    pub before: Value,
    pub target: Value,
    pub now: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum PauseReason {
    /// The operator interrupted it.
    Interrupted,
    /// A step failed and its policy is to pause.
    StepFailed {
        step: StepId,
    },
    /// A rollback would cross a step that cannot be undone.
    NoReturn {
        step: StepId,
        why: String,
    },
    ApprovalNeeded {
        step: StepId,
    },
}

impl OverrideAction {
    /// What was done to the step, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Skip => "skipped",
            Self::MarkDone => "marked as done",
            Self::Again => "done again",
        }
    }
}

impl Failure {
    /// A failure whose outcome is known.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), unknown: false, untouched: false, hint: None, states: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
