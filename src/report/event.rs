//! What happened, in one line: the words for each record, shared by every reporter.
//!
//! Replaying a journal through these prints what the operator saw.

use super::{
    cells,
    duration::between,
    layout::clean,
    style::Tone,
    verdict::paused,
    word::{outcome_word, run_outcome_word, spoken, tone, undo_words},
};
use crate::{
    engine::RunState,
    journal::{CheckTried, Failure, OverrideAction, Record},
    plan::PlannedBody,
};
use jiff::Timestamp;
use lifeboat_contract::{Direction, Effect, StepId};

/// One event's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) text: String,
    pub(super) tone: Tone,
    /// Whether it must stay on the screen when a later event of the same step follows.
    pub(super) stays: bool,
}

impl Event {
    fn passing(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain, stays: false }
    }

    fn lasting(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone, stays: true }
    }

    fn of_word(word: &str, more: impl AsRef<str>) -> Self {
        Self::lasting(tone(word), format!("{}{}", spoken(word), more.as_ref()))
    }
}

/// The event of a record that `state` has folded in already.
pub(super) fn event(at: Timestamp, record: &Record, state: &RunState) -> Event {
    let mut event = words(at, record, state);
    event.text = clean(&event.text.replace('\n', " ")).into_owned();
    event
}

fn words(at: Timestamp, record: &Record, state: &RunState) -> Event {
    match record {
        Record::RunOpened { by, .. } => Event::passing(format!("opened by {} on {}", by.name, by.host)),
        Record::StepStarted { before, target, .. } => {
            Event::passing(format!("begins: {}", cells::changes_in_line(before, target)))
        }
        Record::AttemptSent { attempt, direction: Direction::Forward, .. } => {
            Event::passing(format!("attempt {attempt}"))
        }
        Record::AttemptSent { attempt, direction: Direction::Back, .. } => {
            Event::passing(format!("undo, attempt {attempt}"))
        }
        Record::AttemptEnded { attempt, failure: None, .. } => {
            Event::passing(format!("attempt {attempt} was accepted"))
        }
        // A retry must leave a trace that no later line wipes out.
        Record::AttemptEnded { attempt, failure: Some(failure), .. } => {
            let unknown = if failure.effect == Effect::Unknown { ", its outcome is unknown" } else { "" };
            Event::lasting(Tone::Warning, format!("attempt {attempt} failed{unknown}: {failure}"))
        }
        Record::StepSettled { step, outcome, evidence } => {
            let took = took(at, step, state);
            let evidence = evidence.as_ref().map_or(String::new(), |evidence| format!(": {evidence}"));
            Event::of_word(outcome_word(*outcome), format!("{took}{evidence}"))
        }
        Record::StepUnchanged { state, .. } => Event::of_word("unchanged", format!(": {}", cells::holds(state))),
        Record::StepSkipped { outcome, reason, .. } => Event::of_word(outcome_word(*outcome), format!(": {reason}")),
        Record::StepFailed { failure, .. } => failed(if failure.unknown { "unknown" } else { "failed" }, failure),
        Record::CheckTried(CheckTried { passed: true, streak, evidence, .. }) => {
            Event::passing(format!("passed, {streak} in a row: {evidence}"))
        }
        Record::CheckTried(CheckTried { evidence, .. }) => Event::passing(format!("not passed: {evidence}")),
        Record::WaitStarted { until, .. } => Event::passing(format!("waits {}", between(at, *until))),
        Record::ApprovalAsked { step } => Event::of_word("awaiting_approval", asked(step, state)),
        Record::Approved { by, .. } => Event::lasting(Tone::Good, format!("approved by {} on {}", by.name, by.host)),
        Record::Overridden { action, by, reason, .. } => {
            let done = match action {
                OverrideAction::Skip => "skipped",
                OverrideAction::MarkDone => "marked as done",
                OverrideAction::Again => "to be done again",
            };
            Event::lasting(Tone::Warning, format!("{done} by {} on {}: {reason}", by.name, by.host))
        }
        Record::Paused { reason } => Event::of_word("paused", format!(": {}", paused(state, reason))),
        Record::Resumed { by } => Event::lasting(Tone::Plain, format!("resumed by {} on {}", by.name, by.host)),
        Record::RollbackStarted { reason, .. } => Event::lasting(Tone::Warning, format!("rolls back: {reason}")),
        Record::UndoStarted { .. } => Event::passing("undo begins"),
        Record::UndoSettled { outcome, .. } => Event::lasting(Tone::Warning, undo_words(*outcome)),
        Record::UndoFailed { failure, .. } => failed("undo_failed", failure),
        Record::RunEnded { outcome } => Event::of_word(run_outcome_word(*outcome), ""),
    }
}

fn failed(word: &str, failure: &Failure) -> Event {
    Event::of_word(word, format!(" ({}): {}", failure.code, failure.message))
}

fn took(at: Timestamp, step: &StepId, state: &RunState) -> String {
    match state.steps.get(step).and_then(|step| step.began_at) {
        Some(began) if began < at => format!(" after {}", between(began, at)),
        _ => String::new(),
    }
}

fn asked(step: &StepId, state: &RunState) -> String {
    match state.plan.step(step).map(|step| &step.body) {
        Some(PlannedBody::Approval { message: Some(message) }) => format!(": {message}"),
        _ => String::new(),
    }
}
