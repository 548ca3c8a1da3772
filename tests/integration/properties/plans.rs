//! Generated plans: graphs of steps of every body, and what a record of each kind would hold.

use crate::toy::me;
use lifeboat::{
    journal::{CloudChoice, Record},
    plan::{Plan, PlannedBody, PlannedChange, PlannedStep, PlannedTask, RunbookText, Skip},
    runbook::{OnFailure, RetryPolicy},
};
use lifeboat_contract::{Mode, ResourceKey, Reversal, RunId, Span, StepId, Touches};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// One step, as the generator draws it.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    body: u8,
    /// Which of the steps before it it needs, one bit each.
    needs: u8,
    /// What it shares with others that must not run beside it.
    lane: Option<u8>,
    on_failure: OnFailure,
    forward_only: bool,
    skipped: bool,
}

pub(super) fn policy() -> impl Strategy<Value = OnFailure> {
    prop_oneof![3 => Just(OnFailure::Rollback), 1 => Just(OnFailure::Pause), 1 => Just(OnFailure::Stop)]
}

fn shape() -> impl Strategy<Value = Shape> {
    let rare = |weight| prop::bool::weighted(weight);
    (0..7_u8, any::<u8>(), prop::option::of(0..2_u8), policy(), rare(0.15), rare(0.1)).prop_map(
        |(body, needs, lane, on_failure, forward_only, skipped)| Shape {
            body,
            needs,
            lane,
            on_failure,
            forward_only,
            skipped,
        },
    )
}

/// Valid plans of up to six steps.
pub(super) fn plan() -> impl Strategy<Value = Plan> {
    prop::collection::vec(shape(), 1..=6).prop_map(|shapes| of(&shapes))
}

fn of(shapes: &[Shape]) -> Plan {
    Plan {
        v: 1,
        runbook: RunbookText {
            name: "generated".to_owned(),
            summary: "Generated.".to_owned(),
            path: "generated.yaml".to_owned(),
            text: String::new(),
            digest: String::new(),
        },
        lock: "generated".to_owned(),
        to: "b".into(),
        from: "a".into(),
        mode: Mode::Switchover,
        accepted_loss: None,
        impaired: BTreeSet::new(),
        inputs: BTreeMap::new(),
        secrets: BTreeMap::new(),
        providers: BTreeMap::new(),
        rto: None,
        rpo: None,
        on_failure: OnFailure::Rollback,
        warnings: Vec::new(),
        steps: shapes.iter().enumerate().map(|(index, shape)| step(index, shape)).collect(),
        made_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        digest: "generated".to_owned(),
    }
}

fn step(index: usize, shape: &Shape) -> PlannedStep {
    PlannedStep {
        id: id(index),
        name: None,
        kind: "generated".to_owned(),
        with: Value::Null,
        undo: None,
        place: None,
        needs: (0..index).filter(|before| shape.needs >> before & 1 == 1).map(id).collect(),
        timeout: None,
        retry: RetryPolicy::default(),
        on_failure: shape.on_failure,
        on_impaired: None,
        skip: shape.skipped.then(|| Skip::Condition("false".to_owned())),
        body: body(shape),
        touches: Touches {
            serialise_on: shape.lane.iter().map(|lane| ResourceKey::new(format!("lane {lane}"))).collect(),
            ..Touches::default()
        },
        refusals: Vec::new(),
        note: None,
    }
}

fn body(shape: &Shape) -> PlannedBody {
    let reversal =
        if shape.forward_only { Reversal::ForwardOnly("it goes one way".to_owned()) } else { Reversal::Restores };
    match shape.body {
        0 => PlannedBody::Check { question: "is it so".to_owned() },
        1 => PlannedBody::Wait { duration: Span(Duration::from_secs(5)) },
        2 => PlannedBody::Approval { message: None },
        3 => PlannedBody::Task(PlannedTask { work: "works".to_owned(), undo: None, repeatable: false, reversal }),
        _ => PlannedBody::Change(PlannedChange {
            before: Some(json!({"cell": 0})),
            target: Some(json!({"cell": 1})),
            predicted: false,
            reversal,
            facts: Value::Null,
        }),
    }
}

pub(super) fn id(index: usize) -> StepId {
    StepId::new(format!("step-{index}"))
}

pub(super) fn opened(plan: &Plan) -> Record {
    Record::RunOpened { run: RunId::new("run"), plan: Box::new(plan.clone()), by: me(), cloud: CloudChoice::Real }
}
