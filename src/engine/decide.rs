//! Decides what a run does next, from its state alone. Pure: nothing here awaits, logs or reads a clock.

use super::state::{RunState, Stage, Standing, StepPhase};
use crate::{
    journal::{PauseReason, RunOutcome},
    plan::{PlannedStep, Skip},
    runbook::OnFailure,
};
use lifeboat_contract::{ResourceKey, Reversal, StepId};
use std::collections::BTreeSet;

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Work on a step, from wherever it stands.
    Work(StepId),
    /// Record that a step is left out.
    Skip(StepId),
    /// Undo a step, or go on undoing it.
    Undo(StepId),
    StartRollback(String),
    Pause(PauseReason),
    End(RunOutcome),
}

/// What to do next, given the steps that are being worked on and whether the operator wants to stop.
///
/// Nothing to do while steps are under way is an empty list; a run with nothing under way always gets a command.
pub fn decide(state: &RunState, busy: &BTreeSet<StepId>, interrupted: bool) -> Vec<Command> {
    if state.standing != Standing::Running {
        return Vec::new();
    }
    match &state.stage {
        Stage::Forward => forward(state, busy, interrupted),
        Stage::Back { past_no_return, .. } => back(state, busy, interrupted, *past_no_return),
    }
}

fn forward(state: &RunState, busy: &BTreeSet<StepId>, interrupted: bool) -> Vec<Command> {
    if let Some((step, then)) = state.failed.first() {
        // Siblings under way finish first; none is started.
        return if busy.is_empty() { vec![after_failure(state, step, *then)] } else { Vec::new() };
    }
    if interrupted {
        return if busy.is_empty() { vec![Command::Pause(PauseReason::Interrupted)] } else { Vec::new() };
    }
    let ready = ready(state, busy);
    if !ready.is_empty() || !busy.is_empty() {
        return ready;
    }
    let awaiting = state.plan.steps.iter().find(|step| state.steps[&step.id].phase == StepPhase::AwaitingApproval);
    match awaiting {
        Some(step) => vec![Command::Pause(PauseReason::ApprovalNeeded { step: step.id.clone() })],
        None => {
            let all_done = state.steps.values().all(super::StepState::is_done);
            assert!(all_done, "a run with nothing under way, failed, ready or awaited is complete");
            vec![Command::End(RunOutcome::Completed)]
        }
    }
}

fn after_failure(state: &RunState, step: &StepId, then: OnFailure) -> Command {
    match (then, state.no_return()) {
        (OnFailure::Stop, _) => Command::End(RunOutcome::Failed),
        (OnFailure::Pause, _) => Command::Pause(PauseReason::StepFailed { step: step.clone() }),
        (OnFailure::Rollback, Some((crossed, reversal))) => {
            Command::Pause(PauseReason::NoReturn { step: crossed.clone(), why: why(reversal) })
        }
        (OnFailure::Rollback, None) => Command::StartRollback(format!("step {step} failed")),
    }
}

fn why(reversal: &Reversal) -> String {
    match reversal {
        Reversal::Restores => String::new(),
        Reversal::ForwardOnly(why) | Reversal::Irreversible(why) => why.clone(),
    }
}

/// The steps that can be worked on now, in the plan's order, no two of which share a resource that serialises them.
fn ready(state: &RunState, busy: &BTreeSet<StepId>) -> Vec<Command> {
    let mut taken: BTreeSet<&ResourceKey> =
        busy.iter().flat_map(|id| &state.planned(id).touches.serialise_on).collect();
    let mut commands = Vec::new();
    for step in &state.plan.steps {
        let phase = &state.steps[&step.id].phase;
        let open = matches!(phase, StepPhase::Pending | StepPhase::Begun | StepPhase::WaitingUntil(_));
        if !open || busy.contains(&step.id) || !satisfied(state, step) {
            continue;
        }
        if step.skip.is_some() && *phase == StepPhase::Pending {
            commands.push(Command::Skip(step.id.clone()));
        } else if step.touches.serialise_on.iter().all(|key| !taken.contains(key)) {
            taken.extend(&step.touches.serialise_on);
            commands.push(Command::Work(step.id.clone()));
        }
    }
    commands
}

fn satisfied(state: &RunState, step: &PlannedStep) -> bool {
    step.needs.iter().all(|need| state.steps[need].is_done())
}

/// One step at a time, in reverse order of beginning. The first undo that fails ends it.
fn back(state: &RunState, busy: &BTreeSet<StepId>, interrupted: bool, past_no_return: bool) -> Vec<Command> {
    if !busy.is_empty() {
        return Vec::new();
    }
    if state.steps.values().any(|step| step.phase == StepPhase::UndoFailed) {
        return vec![Command::End(RunOutcome::Stuck)];
    }
    let next = state.begun.iter().rev().find(|id| state.steps[*id].wants_undo());
    let barrier = state.no_return();
    match (next, barrier) {
        (None, _) => vec![Command::End(RunOutcome::RolledBack)],
        (Some(next), Some((crossed, reversal))) if next == crossed => {
            // Everything begun after the barrier is undone; the barrier itself and what came before it stay.
            if past_no_return {
                vec![Command::End(RunOutcome::Failed)]
            } else {
                vec![Command::Pause(PauseReason::NoReturn { step: crossed.clone(), why: why(reversal) })]
            }
        }
        _ if interrupted => vec![Command::Pause(PauseReason::Interrupted)],
        (Some(next), _) => vec![Command::Undo(next.clone())],
    }
}

/// Why a step is left out, in words.
pub(super) fn skip_reason(skip: &Skip) -> String {
    match skip {
        Skip::Condition(condition) => format!("its condition does not hold: {condition}"),
        Skip::Impaired(regions) => {
            let names: Vec<&str> = regions.iter().map(lifeboat_contract::Region::as_str).collect();
            format!("it needs {}, declared lost", names.join(", "))
        }
    }
}
