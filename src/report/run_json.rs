//! Runs as documents for machines: one run with its steps, and the list of all runs.
//!
//! Reads the folded state only, so that a document made after a crash says the same as one made before it.

use super::{
    plan_json::reversal_word,
    word::{run_word, step_word},
};
use crate::{
    engine::{RunState, Stage, Standing, StepState},
    plan::PlannedStep,
};
use jiff::Timestamp;
use lifeboat_contract::{Reversal, clock::until};
use serde_json::{Value, json};

/// A run and its steps, in the plan's order. `world`: what the simulated world measured, where there is one.
///
/// Durations are those of the journal. That of a step that was undone ends with its undo.
pub fn run_json(state: &RunState, world: Option<&Value>) -> Value {
    let paused = match &state.standing {
        Standing::Paused(reason) => Some(reason),
        _ => None,
    };
    let rollback = match &state.stage {
        Stage::Forward => None,
        Stage::Back { reason, past_no_return } => Some(json!({ "reason": reason, "past_no_return": past_no_return })),
    };
    let overrides: Vec<Value> = state
        .overrides
        .iter()
        .map(|made| json!({ "step": made.step, "action": made.action, "by": made.by, "reason": made.reason, "at": made.at }))
        .collect();
    let approvals: Vec<Value> = state
        .plan
        .steps
        .iter()
        .filter_map(|step| Some(json!({ "step": step.id, "by": state.steps[&step.id].approved_by.as_ref()? })))
        .collect();
    json!({
        "run": state.run,
        "runbook": state.plan.runbook.name,
        "plan": state.plan.digest,
        "to": state.plan.to,
        "from": state.plan.from,
        "mode": state.plan.mode,
        "by": state.by,
        "started_at": state.opened_at,
        "outcome": run_word(state),
        "paused": paused,
        "rollback": rollback,
        "duration_s": seconds(state.opened_at, state.last_at),
        "steps": state.plan.steps.iter().map(|step| step_json(state, step)).collect::<Vec<_>>(),
        "overrides": overrides,
        "approvals": approvals,
        "world": world,
    })
}

fn step_json(state: &RunState, planned: &PlannedStep) -> Value {
    let step = &state.steps[&planned.id];
    let failure = step.failure.as_ref();
    json!({
        "id": planned.id,
        "kind": planned.kind,
        "outcome": step_word(step, state.standing == Standing::Running),
        "attempts": step.attempts(),
        "duration_s": step.began_at.zip(step.ended_at).map(|(began, ended)| seconds(began, ended)),
        "error": failure.map(|failure| &failure.message),
        "code": failure.map(|failure| &failure.code),
        "hint": failure.and_then(|failure| failure.hint.as_ref()),
        "states": failure.and_then(|failure| failure.states.as_ref()),
        "evidence": step.evidence,
        "reversal": reversal(planned, step).map(reversal_word),
    })
}

/// As journaled with the intent; as planned where there is none yet.
fn reversal<'s>(planned: &'s PlannedStep, step: &'s StepState) -> Option<&'s Reversal> {
    step.intent.as_ref().map(|intent| &intent.reversal).or_else(|| planned.reversal())
}

/// Seconds to the millisecond.
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    until(from, to).as_secs_f64()
}

/// All runs, newest first.
pub fn runs_json(states: &[RunState]) -> Value {
    newest_first(states)
        .into_iter()
        .map(|state| {
            json!({
                "run": state.run,
                "runbook": state.plan.runbook.name,
                "to": state.plan.to,
                "state": run_word(state),
                "started_at": state.opened_at,
            })
        })
        .collect()
}

pub(super) fn newest_first(states: &[RunState]) -> Vec<&RunState> {
    let mut runs: Vec<&RunState> = states.iter().collect();
    runs.sort_by_key(|state| std::cmp::Reverse((state.opened_at, &state.run)));
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{journal::OverrideAction, journal::Record, report::sample, runbook::OnFailure};

    #[test]
    fn a_run_has_the_public_shape() {
        let state = sample::completed().state;
        let document = run_json(&state, Some(&json!({"recovery_s": 63})));
        let steps = document["steps"].as_array().unwrap();
        let outcomes: Vec<&Value> = steps.iter().map(|step| &step["outcome"]).collect();
        assert_eq!(outcomes, ["passed", "changed", "changed", "unchanged", "owed", "skipped", "passed"]);
        insta::assert_snapshot!(format!("{:#}", steps[1]), @r#"
        {
          "attempts": 2,
          "code": null,
          "duration_s": 48.68,
          "error": null,
          "evidence": null,
          "hint": null,
          "id": "promote-database",
          "kind": "aws.rds.global_cluster",
          "outcome": "changed",
          "reversal": "forward_only",
          "states": null
        }
        "#);
        let mut document = document.clone();
        document["steps"] = Value::Null;
        insta::assert_snapshot!(format!("{document:#}"), @r#"
        {
          "approvals": [],
          "by": {
            "host": "ops1",
            "name": "alice"
          },
          "duration_s": 71.3,
          "from": "r1",
          "mode": "failover",
          "outcome": "completed",
          "overrides": [],
          "paused": null,
          "plan": "3f2a9c81d0b24e55",
          "rollback": null,
          "run": "20260701-120000-1a2b3c4d",
          "runbook": "region-failover",
          "started_at": "2026-07-01T12:00:00Z",
          "steps": null,
          "to": "r2",
          "world": {
            "recovery_s": 63
          }
        }
        "#);
    }

    #[test]
    fn a_failure_carries_code_hint_and_states() {
        let told = sample::Telling::of(sample::switchover()).passes("standby-ready", 1).fails(
            "promote-database",
            sample::drifted().hint("look who it was"),
            OnFailure::Pause,
        );
        let reason = crate::journal::PauseReason::StepFailed { step: "promote-database".into() };
        let told = told.then(0, Record::Paused { reason }).then(
            5_000,
            Record::Overridden {
                step: "sign-off".into(),
                action: OverrideAction::MarkDone,
                by: sample::operator(),
                reason: "agreed by phone".to_owned(),
            },
        );
        let document = run_json(&told.state, None);
        assert_eq!(document["outcome"], "paused");
        assert_eq!(document["paused"], json!({"reason": "step_failed", "step": "promote-database"}));
        assert_eq!(document["world"], Value::Null);
        let step = &document["steps"][1];
        assert_eq!((&step["code"], &step["hint"]), (&json!("drifted"), &json!("look who it was")));
        assert_eq!(step["states"]["now"], json!({"dial": 50}));
        assert_eq!(document["overrides"][0]["action"], "mark_done");
        assert_eq!(document["overrides"][0]["reason"], "agreed by phone");
    }

    #[test]
    fn the_newest_run_comes_first() {
        let first = sample::completed().state;
        let mut second = sample::last_check_failed(OnFailure::Pause).state;
        second.opened_at = sample::at(1);
        let document = runs_json(&[first, second]);
        let states: Vec<&Value> = document.as_array().unwrap().iter().map(|run| &run["state"]).collect();
        assert_eq!(states, ["running", "completed"]);
        insta::assert_snapshot!(document[0].to_string(), @r#"{"run":"20260701-120000-1a2b3c4d","runbook":"region-failover","started_at":"2026-07-01T12:00:00.001Z","state":"running","to":"r2"}"#);
    }
}
