//! Makes a plan: observes every step against the live world and asks each kind for its target.
//!
//! Sends reads only; the wire's guard sees to it. Independent observations are made side by side.

use super::{
    digest::{digest, sha256_hex},
    graph::ancestors,
    value::{Plan, PlannedBody, PlannedChange, PlannedStep, PlannedTask, RunbookText, Skip},
};
use crate::runbook::{Body, OnImpaired, ResolvedRunbook, ResolvedStep};
use futures_util::future::join_all;
use lifeboat_contract::{
    CallError, CallScope, CellKey, Cx, Direction, DynTask, Effect, Foreseen, ObservedValue, Phase, Position, Refusal,
    Region, Retry, Reversal, RunContext, Span, StepId, Touches, TransitionValue,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

const FORMAT: u32 = 1;
/// How often an observation is repeated while the provider asks to come back later.
const OBSERVATIONS_MAX: u32 = 3;

/// Observes the world and says what a run of `runbook` would do to it.
pub async fn make(runbook: &ResolvedRunbook, cx: &Cx) -> Plan {
    let contexts: Vec<Arc<RunContext>> = runbook.steps.iter().map(|step| Arc::new(context(runbook, step))).collect();
    let sights =
        join_all(runbook.steps.iter().zip(&contexts).map(|(step, run)| sight(step, cx.for_run(run.clone())))).await;

    let needs: BTreeMap<StepId, Vec<StepId>> =
        runbook.steps.iter().map(|step| (step.id.clone(), step.needs.clone())).collect();
    let mut changed: BTreeMap<StepId, Foreseen> = BTreeMap::new();
    let mut steps = Vec::with_capacity(runbook.steps.len());
    for ((step, run), sight) in runbook.steps.iter().zip(&contexts).zip(sights) {
        let mut earlier = Foreseen::new();
        for id in runbook.steps.iter().map(|s| &s.id).filter(|id| ancestors(&step.id, &needs).contains(*id)) {
            earlier.extend(changed.get(id).into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        }
        let planned = plan_step(step, run, sight, &earlier);
        if planned.skip.is_none()
            && let PlannedBody::Change(PlannedChange { target: Some(target), .. }) = &planned.body
        {
            changed.insert(step.id.clone(), foreseen(&planned.touches.owns, target));
        }
        steps.push(planned);
    }

    let mut plan = Plan {
        v: FORMAT,
        runbook: RunbookText {
            name: runbook.name.clone(),
            summary: runbook.summary.clone(),
            path: runbook.path.clone(),
            text: runbook.text.clone(),
            digest: sha256_hex(runbook.text.as_bytes()),
        },
        lock: runbook.lock.clone(),
        to: runbook.to.clone(),
        from: runbook.from.clone(),
        mode: runbook.mode,
        accepted_loss: runbook.accepted_loss,
        impaired: runbook.impaired.clone(),
        inputs: runbook.inputs.clone(),
        secrets: runbook.secrets.clone(),
        providers: runbook.providers.clone(),
        rto: runbook.rto.map(Span),
        rpo: runbook.rpo.map(Span),
        on_failure: runbook.on_failure,
        steps,
        warnings: Vec::new(),
        made_at: cx.clock.now(),
        digest: String::new(),
    };
    plan.digest = digest(&plan);
    plan
}

fn context(runbook: &ResolvedRunbook, step: &ResolvedStep) -> RunContext {
    RunContext {
        mode: runbook.mode,
        accepted_loss: runbook.accepted_loss,
        rpo: runbook.rpo,
        impaired: runbook.impaired.clone(),
        to: runbook.to.clone(),
        from: runbook.from.clone(),
        place: step.place.clone(),
    }
}

/// What planning saw of one step.
enum Sight {
    Nothing,
    Seen(ObservedValue),
    /// The step needs these lost regions, and was not asked.
    Lost(BTreeSet<Region>),
    Failed(CallError),
    /// A task must not be done in these surroundings.
    NotAdmitted(Refusal),
}

async fn sight(step: &ResolvedStep, cx: Cx) -> Sight {
    let Body::Change(change) = &step.body else {
        return match &step.body {
            Body::Check(check) => lost(&check.touches(&cx.run), &cx.run).map_or(Sight::Nothing, Sight::Lost),
            Body::Task { task, undo } if step.skipped_by.is_none() => {
                let admitted = task.admit(&cx).and_then(|()| undo.as_ref().map_or(Ok(()), |undo| undo.admit(&cx)));
                match (lost(&task.touches(&cx.run), &cx.run), admitted) {
                    (Some(regions), _) => Sight::Lost(regions),
                    (None, Err(refusal)) => Sight::NotAdmitted(refusal),
                    (None, Ok(())) => Sight::Nothing,
                }
            }
            _ => Sight::Nothing,
        };
    };
    if step.skipped_by.is_some() {
        return Sight::Nothing;
    }
    if let Some(regions) = lost(&change.touches(&cx.run, None), &cx.run) {
        return Sight::Lost(regions);
    }
    let scope = CallScope { step: Some(step.id.clone()), attempt: 0, deadline: None };
    let mut tries = 0;
    loop {
        tries += 1;
        match scope.clone().enclose(change.observe(&cx)).await {
            Ok(observed) => return Sight::Seen(observed),
            Err(error) if tries < OBSERVATIONS_MAX && error.retry != Retry::Never && error.effect == Effect::None => {
                tokio::time::sleep(pause(&error)).await;
            }
            Err(error) => return Sight::Failed(error),
        }
    }
}

fn pause(error: &CallError) -> Duration {
    match error.retry {
        Retry::After(pause) => pause,
        _ => Duration::from_secs(1),
    }
}

fn lost(touches: &Touches, run: &RunContext) -> Option<BTreeSet<Region>> {
    let planes = touches.planes_in(&run.impaired).into_iter();
    let regions: BTreeSet<Region> = planes.filter_map(|plane| plane.region.clone()).collect();
    (!regions.is_empty()).then_some(regions)
}

fn plan_step(step: &ResolvedStep, run: &RunContext, sight: Sight, earlier: &Foreseen) -> PlannedStep {
    let touches = match (&step.body, &sight) {
        (Body::Change(change), Sight::Seen(now)) => change.touches(run, Some(now)),
        (body, _) => body.touches(run),
    };
    // Roles seen in the observation can show that a lost region is needed after all.
    let sight = match sight {
        Sight::Seen(now) => lost(&touches, run).map_or(Sight::Seen(now), Sight::Lost),
        sight => sight,
    };
    let mut refusals = Vec::new();
    let skip = match (&step.skipped_by, &sight, step.on_impaired) {
        (Some(condition), _, _) => Some(Skip::Condition(condition.clone())),
        (None, Sight::Lost(regions), Some(OnImpaired::Skip)) => Some(Skip::Impaired(regions.clone())),
        (None, Sight::Lost(regions), _) => {
            refusals.push(needs_lost_region(&touches, regions));
            None
        }
        (None, Sight::NotAdmitted(refusal), _) => {
            refusals.push(refusal.clone());
            None
        }
        _ => None,
    };
    let (body, note) = match &step.body {
        Body::Change(change) => {
            let (planned, note) = plan_change(change.as_ref(), step, run, sight, &touches, earlier, &mut refusals);
            (PlannedBody::Change(planned), note)
        }
        Body::Check(check) => (PlannedBody::Check { question: check.question() }, None),
        Body::Task { task, undo } => (PlannedBody::Task(planned_task(task.as_ref(), undo.as_deref())), None),
        Body::Wait(duration) => (PlannedBody::Wait { duration: Span(*duration) }, None),
        Body::Approval { message } => (PlannedBody::Approval { message: message.clone() }, None),
    };
    PlannedStep {
        id: step.id.clone(),
        name: step.name.clone(),
        kind: step.kind.clone(),
        with: step.with.clone(),
        undo: step.undo.clone(),
        place: step.place.clone(),
        needs: step.needs.clone(),
        timeout: step.timeout.map(Span),
        retry: step.retry.clone(),
        on_failure: step.on_failure,
        on_impaired: step.on_impaired,
        skip,
        body,
        touches,
        refusals,
        note,
    }
}

fn plan_change(
    change: &dyn lifeboat_contract::DynChange,
    step: &ResolvedStep,
    run: &RunContext,
    sight: Sight,
    touches: &Touches,
    earlier: &Foreseen,
    refusals: &mut Vec<Refusal>,
) -> (PlannedChange, Option<String>) {
    let unknown = PlannedChange {
        before: None,
        target: None,
        predicted: false,
        reversal: Reversal::Restores,
        facts: Value::Null,
    };
    let mut now = match sight {
        Sight::Seen(now) => now,
        Sight::Failed(error) => {
            let hint = if error.denied {
                "`lifeboat policy` prints every permission that the runbook needs"
            } else {
                "a step is planned from what is observed; name a lost region with `--impaired REGION`"
            };
            let message = format!("cannot observe {}: {}", step.id, error.message);
            refusals.push(Refusal::new(&error.code, message).with_hint(hint));
            return (unknown, None);
        }
        Sight::Nothing | Sight::Lost(_) | Sight::NotAdmitted(_) => return (unknown, None),
    };
    let predicted = overlay(&mut now, &touches.owns, earlier);
    change.foresee(&mut now.facts, earlier);
    match change.target(&now, run) {
        Ok(target) => {
            refusals.extend(moving_elsewhere(&now, &target));
            let transition = forward(&now, &target, run);
            let reversal = change.reversal(&transition);
            let note = (now.state != target).then(|| change.note(&transition)).flatten();
            let planned =
                PlannedChange { before: Some(now.state), target: Some(target), predicted, reversal, facts: now.facts };
            (planned, note)
        }
        Err(refusal) => {
            refusals.push(refusal);
            (PlannedChange { before: Some(now.state), predicted, facts: now.facts, ..unknown }, None)
        }
    }
}

fn planned_task(task: &dyn DynTask, undo: Option<&dyn DynTask>) -> PlannedTask {
    let reversal = match undo {
        Some(_) => Reversal::Restores,
        None => Reversal::ForwardOnly("the runbook declares no `undo` for it".to_owned()),
    };
    PlannedTask { work: task.describe(), undo: undo.map(DynTask::describe), repeatable: task.repeatable(), reversal }
}

/// The transition of a forward drive.
pub(crate) fn forward(now: &ObservedValue, target: &Value, run: &RunContext) -> TransitionValue {
    TransitionValue {
        now: now.clone(),
        to: target.clone(),
        direction: Direction::Forward,
        mode: run.mode,
        data_loss: run.accepted_loss,
    }
}

/// Replaces the cells that earlier steps will have changed. Returns whether there were any.
fn overlay(now: &mut ObservedValue, owns: &[CellKey], earlier: &Foreseen) -> bool {
    let mut predicted = false;
    for key in owns {
        if let (Some(value), Some(cells)) = (earlier.get(key), now.state.as_object_mut())
            && cells.get(key.cell()) != Some(value)
        {
            cells.insert(key.cell().to_owned(), value.clone());
            predicted = true;
        }
    }
    predicted
}

fn foreseen(owns: &[CellKey], target: &Value) -> Foreseen {
    owns.iter().filter_map(|key| Some((key.clone(), target.get(key.cell())?.clone()))).collect()
}

fn moving_elsewhere(now: &ObservedValue, target: &Value) -> Option<Refusal> {
    match &now.phase {
        Phase::Moving { toward: Some(toward), status }
            if Position::of(toward, &now.state, target) != Position::Target =>
        {
            Some(
                Refusal::new("move.under_way", format!("another change is under way ({status}), toward {toward}"))
                    .with_hint("wait for it to end, then plan again"),
            )
        }
        _ => None,
    }
}

fn needs_lost_region(touches: &Touches, regions: &BTreeSet<Region>) -> Refusal {
    Refusal::new("region.impaired", format!("needs {}, which was declared lost", touches.words_in(regions)))
        .with_hint("give the step `on_impaired: skip` if the run can do without it; it is then owed")
}

/// One difference between an approved plan and the world of now.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Difference {
    pub step: StepId,
    pub planned: Value,
    pub observed: Value,
}

/// Compares an approved plan with a fresh one of the same runbook. A step that reached its target meanwhile is no difference.
pub fn differences(approved: &Plan, fresh: &Plan) -> Vec<Difference> {
    if approved.digest == fresh.digest {
        return Vec::new();
    }
    let mut found = Vec::new();
    for step in &approved.steps {
        let now = fresh.step(&step.id).map(|step| (&step.body, &step.skip, &step.refusals, &step.touches));
        let same = match (&step.body, now) {
            (PlannedBody::Change(planned), Some((PlannedBody::Change(now), skip, refusals, touches))) => {
                let reached = now.is_nothing() && now.target == planned.target;
                let as_planned = now.before == planned.before && now.target == planned.target;
                refusals.is_empty() && *skip == step.skip && (reached || as_planned && *touches == step.touches)
            }
            (planned, Some((now, skip, refusals, _))) => planned == now && *skip == step.skip && refusals.is_empty(),
            (_, None) => false,
        };
        if !same {
            let shown = |body: &PlannedBody, refusals: &[Refusal]| match body {
                PlannedBody::Change(change) => json!({
                    "before": change.before, "target": change.target, "refusals": refusals,
                }),
                other => json!(other),
            };
            found.push(Difference {
                step: step.id.clone(),
                planned: shown(&step.body, &step.refusals),
                observed: fresh.step(&step.id).map_or(Value::Null, |step| shown(&step.body, &step.refusals)),
            });
        }
    }
    found
}
