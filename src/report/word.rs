//! One word for how each step and each run stands: the same in JSON, on screens and in events.
//!
//! Does not decide anything; a word is read off the folded state.

use super::style::Tone;
use crate::{
    engine::{RunState, Standing, StepPhase, StepState},
    journal::{RunOutcome, StepOutcome, UndoOutcome},
};

/// How a step stands. `executing`: whether anybody works on the run.
pub(super) fn step_word(step: &StepState, executing: bool) -> &'static str {
    let may_have_effect = step.intent.as_ref().is_some_and(|intent| intent.may_have_effect);
    match &step.phase {
        StepPhase::Pending if executing && step.tries > 0 => "running",
        StepPhase::Begun if executing => "running",
        StepPhase::Begun if may_have_effect => "unknown",
        StepPhase::Pending | StepPhase::Begun => "pending",
        StepPhase::WaitingUntil(_) => "waiting",
        StepPhase::AwaitingApproval => "awaiting_approval",
        StepPhase::Done(outcome) => outcome_word(*outcome),
        StepPhase::Failed if step.failure.as_ref().is_some_and(|failure| failure.unknown) => "unknown",
        StepPhase::Failed => "failed",
        StepPhase::Undoing => "undoing",
        StepPhase::Undone(_) => "undone",
        StepPhase::UndoFailed => "undo_failed",
    }
}

pub(super) fn outcome_word(outcome: StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Changed => "changed",
        StepOutcome::Unchanged => "unchanged",
        StepOutcome::Adopted => "adopted",
        StepOutcome::Passed => "passed",
        StepOutcome::Skipped => "skipped",
        StepOutcome::Owed => "owed",
    }
}

pub(super) fn undo_words(outcome: UndoOutcome) -> &'static str {
    match outcome {
        UndoOutcome::Restored => "undone: what was there is restored",
        UndoOutcome::NothingToDo => "undone: it stood as before already",
        UndoOutcome::MarkedDone => "undone: an operator declared it",
    }
}

/// How a run stands, in the word of the public JSON.
pub(super) fn run_word(state: &RunState) -> &'static str {
    match &state.standing {
        Standing::Running => "running",
        Standing::Paused(_) => "paused",
        Standing::Ended(outcome) => run_outcome_word(*outcome),
    }
}

pub(super) fn run_outcome_word(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Completed => "completed",
        RunOutcome::Failed => "failed",
        RunOutcome::RolledBack => "rolled_back",
        RunOutcome::Stuck => "stuck",
    }
}

/// A word of the JSON as it stands on a screen.
pub(super) fn spoken(word: &str) -> String {
    word.replace('_', " ")
}

pub(super) fn tone(word: &str) -> Tone {
    match word {
        "changed" | "adopted" | "passed" | "completed" => Tone::Good,
        "failed" | "undo_failed" | "stuck" => Tone::Bad,
        "unknown" | "owed" | "paused" | "awaiting_approval" | "undone" | "undoing" | "rolled_back" => Tone::Warning,
        "pending" | "skipped" | "unchanged" => Tone::Faint,
        _ => Tone::Plain,
    }
}
