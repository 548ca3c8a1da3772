//! The steps of a run as a table, with what each left behind: evidence, changes, errors, three states.
//!
//! Shared by the status and the closing screen.

use super::{
    cells,
    duration::between,
    layout::{Column, Page},
    plan_time::count,
    style::Tone,
    ways,
    word::{spoken, step_word, tone, undo_words},
};
use crate::{
    engine::{RunState, StepPhase, StepState},
    journal::{Failure, StepOutcome},
    plan::{PlannedBody, PlannedStep, Skip},
};

const DETAIL: usize = 4;

/// All steps in the plan's order. `executing`: whether anybody works on the run.
pub(super) fn steps(page: &mut Page<'_>, state: &RunState, executing: bool) {
    let rows: Vec<(&PlannedStep, &StepState, String)> = state
        .plan
        .steps
        .iter()
        .map(|planned| {
            let step = &state.steps[&planned.id];
            (planned, step, spoken(step_word(step, executing)))
        })
        .collect();
    let id_width = rows.iter().map(|(planned, ..)| planned.id.as_str().len()).max().unwrap_or(0);
    let word_width = rows.iter().map(|(.., word)| word.len()).max().unwrap_or(0);
    for (planned, step, word) in &rows {
        page.row(
            2,
            &[
                Column(planned.id.as_str(), id_width, Tone::Plain),
                Column(word, word_width, tone(step_word(step, executing))),
                Column(&took(step), 7, Tone::Plain),
                Column(&attempts(planned, step), 0, Tone::Faint),
            ],
        );
        details(page, planned, step);
    }
}

/// How long a step took. An undo's end is no end of the step's own work, and says nothing of it.
fn took(step: &StepState) -> String {
    match (&step.phase, step.began_at, step.ended_at) {
        (StepPhase::Undone(_) | StepPhase::UndoFailed | StepPhase::Undoing, ..) => String::new(),
        (_, Some(began), Some(ended)) if ended > began => between(began, ended),
        _ => String::new(),
    }
}

fn attempts(planned: &PlannedStep, step: &StepState) -> String {
    let number = usize::try_from(step.attempts()).unwrap_or(usize::MAX);
    match planned.body {
        _ if number == 0 => String::new(),
        PlannedBody::Check { .. } if number == 1 => "1 try".to_owned(),
        PlannedBody::Check { .. } => format!("{number} tries"),
        _ => count(number, "attempt"),
    }
}

fn details(page: &mut Page<'_>, planned: &PlannedStep, step: &StepState) {
    match (&step.phase, &planned.skip) {
        (StepPhase::Done(StepOutcome::Owed), Some(Skip::Impaired(regions))) => {
            let needs = format!("needs {}, declared lost: to be done later", planned.touches.words_in(regions));
            page.line(DETAIL, Tone::Warning, &needs);
        }
        (StepPhase::Done(StepOutcome::Skipped), Some(Skip::Condition(condition))) => {
            page.line(DETAIL, Tone::Faint, &format!("{condition} does not hold"));
        }
        (StepPhase::Undone(outcome), _) => page.line(DETAIL, Tone::Faint, undo_words(*outcome)),
        (StepPhase::Done(StepOutcome::Adopted), _) if step.intent.is_some() => {
            page.line(DETAIL, Tone::Faint, "found at its target after a call of unknown outcome");
        }
        _ => {}
    }
    if let Some(intent) = &step.intent {
        let mut list = cells::changes(&intent.before, &intent.target, page.room(DETAIL));
        if step.phase == StepPhase::UndoFailed {
            let states = step.failure.as_ref().and_then(|failure| failure.states.as_ref());
            let now = states.map_or(&intent.target, |states| &states.now);
            page.line(DETAIL, Tone::Strong, "to be restored by hand:");
            list = cells::changes(now, &intent.before, page.room(DETAIL));
        }
        for line in list {
            page.verbatim(DETAIL, Tone::Faint, &line);
        }
    }
    if let Some(by) = &step.approved_by {
        page.line(DETAIL, Tone::Faint, &format!("approved by {} on {}", by.name, by.host));
    }
    if let Some(failure) = &step.failure {
        error(page, failure);
    } else if let Some(evidence) = &step.evidence {
        page.line(DETAIL, Tone::Faint, evidence);
    }
}

fn error(page: &mut Page<'_>, failure: &Failure) {
    let word = if failure.unknown { "unknown" } else { "error" };
    page.line(DETAIL, Tone::Bad, &format!("{word} ({}): {}", failure.code, failure.message));
    if let Some(states) = &failure.states {
        for line in cells::three_way(states, page.room(DETAIL)) {
            page.verbatim(DETAIL, Tone::Plain, &line);
        }
    }
    if let Some(hint) = &failure.hint {
        page.line(DETAIL, Tone::Plain, &format!("hint: {hint}"));
    }
}

/// What operators decided over the engine's head.
pub(super) fn overrides(page: &mut Page<'_>, state: &RunState) {
    if state.overrides.is_empty() {
        return;
    }
    page.blank();
    page.line(0, Tone::Strong, "Overrides");
    for made in &state.overrides {
        let action = made.action.words();
        let after = between(state.opened_at, made.at);
        let who = format!("{} {action} by {} on {}, {after} after the start", made.step, made.by.name, made.by.host);
        page.line(2, Tone::Warning, &who);
        page.line(DETAIL, Tone::Plain, &format!("reason: {}", made.reason));
    }
}

/// What is left to do later, and how.
pub(super) fn owed(page: &mut Page<'_>, state: &RunState, program_args: &str) {
    let Some(command) = ways::later(state, program_args) else { return };
    let steps =
        state.plan.steps.iter().filter(|step| state.steps[&step.id].phase == StepPhase::Done(StepOutcome::Owed));
    let names: Vec<&str> = steps.map(|step| step.id.as_str()).collect();
    page.blank();
    page.line(0, Tone::Strong, &format!("Owed: {}", names.join(", ")));
    let how = format!(
        "once the lost region answers again, run {} once more; what stands at its target stays unchanged",
        state.plan.runbook.name
    );
    page.line(2, Tone::Plain, &how);
    page.verbatim(DETAIL, Tone::Plain, &command);
}

/// The exact commands to type next.
pub(super) fn ways_forward(page: &mut Page<'_>, title: &str, list: &[(String, String)]) {
    if list.is_empty() {
        return;
    }
    page.blank();
    page.line(0, Tone::Strong, title);
    for (command, does) in list {
        page.verbatim(2, Tone::Plain, command);
        page.line(6, Tone::Faint, does);
    }
}
