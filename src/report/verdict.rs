//! How a run stands, in one sentence: the first thing anybody reads.
//!
//! Claims no more than the journal holds.

use super::{
    duration::{between, words},
    plan_time::count,
    style::Tone,
};
use crate::{
    engine::{RunState, Stage, Standing, StepPhase},
    journal::{PauseReason, RunOutcome, StepOutcome, UndoOutcome},
};
use lifeboat_contract::{Span, StepId, clock::until};

/// The sentence and its tone. `alive`: whether a process executes the run.
pub(super) fn verdict(state: &RunState, alive: bool) -> (String, Tone) {
    let took = between(state.opened_at, state.last_at);
    match &state.standing {
        Standing::Running if alive => (format!("{}, {took} so far", doing(state)), Tone::Plain),
        Standing::Running => {
            let text = format!(
                "interrupted: no process executes this run; last heard of {took} after it began, {}",
                doing(state)
            );
            (text, Tone::Warning)
        }
        Standing::Paused(reason) => (format!("paused: {}", paused(state, reason)), Tone::Warning),
        Standing::Ended(RunOutcome::Completed) => completed(state),
        Standing::Ended(RunOutcome::RolledBack) => (rolled_back(state, &took), Tone::Warning),
        Standing::Ended(RunOutcome::Failed) => (failed(state), Tone::Bad),
        Standing::Ended(RunOutcome::Stuck) => (stuck(state), Tone::Bad),
    }
}

fn doing(state: &RunState) -> String {
    let done = state.steps.values().filter(|step| step.is_done()).count();
    match &state.stage {
        Stage::Forward => format!("running: {done} of {} done", count(state.steps.len(), "step")),
        Stage::Back { reason, .. } => format!("rolling back ({reason})"),
    }
}

/// Why a run is paused, in words.
pub(super) fn paused(state: &RunState, reason: &PauseReason) -> String {
    match reason {
        PauseReason::Interrupted => "the operator interrupted it".to_owned(),
        PauseReason::StepFailed { step } => match &state.steps[step].failure {
            Some(failure) if failure.unknown => {
                format!("the outcome of step {step} is unknown ({})", failure.code)
            }
            Some(failure) => format!("step {step} failed ({})", failure.code),
            None => format!("step {step} failed"),
        },
        PauseReason::NoReturn { step, why } => {
            format!("going back would cross step {step}, which cannot be undone: {why}")
        }
        PauseReason::ApprovalNeeded { step } => format!("step {step} awaits an approval"),
    }
}

fn completed(state: &RunState) -> (String, Tone) {
    let took = until(state.opened_at, state.last_at);
    let (time, tone) = match state.plan.rto.map(Span::get) {
        Some(rto) if took > rto => (
            format!("{}, {} over the RTO of {}", words(took), words(took.saturating_sub(rto)), words(rto)),
            Tone::Warning,
        ),
        Some(rto) => (format!("{} of {} allowed", words(took), words(rto)), Tone::Good),
        None => (words(took), Tone::Good),
    };
    let owed = state.steps.values().filter(|step| step.phase == StepPhase::Done(StepOutcome::Owed)).count();
    let besides = if owed > 0 { format!("; {} owed", count(owed, "step")) } else { String::new() };
    (format!("completed: site {} is active, {time}{besides}", state.plan.to), tone)
}

fn rolled_back(state: &RunState, took: &str) -> String {
    let undone = |outcome: Option<UndoOutcome>| {
        let is = |phase: &StepPhase| match (phase, outcome) {
            (StepPhase::Undone(was), Some(outcome)) => *was == outcome,
            (StepPhase::Undone(_), None) => true,
            _ => false,
        };
        state.steps.values().filter(|step| is(&step.phase)).count()
    };
    let reason = match &state.stage {
        Stage::Back { reason, .. } => format!(" ({reason})"),
        Stage::Forward => String::new(),
    };
    let by_hand = match undone(Some(UndoOutcome::MarkedDone)) {
        0 => String::new(),
        number => format!(", {number} of them by an operator's word"),
    };
    match undone(None) {
        0 => format!("rolled back: nothing had been changed{reason}, {took}"),
        number => format!("rolled back: {} undone{by_hand}{reason}, {took}", count(number, "step")),
    }
}

fn failed(state: &RunState) -> String {
    match (&state.stage, state.no_return()) {
        (Stage::Back { .. }, Some((step, _))) => {
            format!("failed: what began after step {step} is undone; it and what came before stay as they are")
        }
        _ => match failed_step(state) {
            Some(step) => {
                format!("failed: step {step} failed, and the run stopped as the runbook declares; nothing was undone")
            }
            None => "failed: the run stopped as the runbook declares; nothing was undone".to_owned(),
        },
    }
}

fn failed_step(state: &RunState) -> Option<&StepId> {
    state.plan.steps.iter().map(|step| &step.id).find(|id| state.steps[*id].phase == StepPhase::Failed)
}

fn stuck(state: &RunState) -> String {
    let steps: Vec<&str> =
        state.begun.iter().filter(|id| state.steps[*id].phase == StepPhase::UndoFailed).map(StepId::as_str).collect();
    let left = state.steps.values().filter(|step| step.wants_undo()).count();
    format!(
        "stuck: the rollback is incomplete; step {} could not be undone, {} left to undo",
        steps.join(", "),
        count(left, "step")
    )
}
