//! The engine's promises, one named test each, over a toy world.

use crate::toy::{Bench, Fault, World, me, step};
use lifeboat::{
    engine::{Cancel, Standing, StepPhase},
    journal::{OverrideAction, PauseReason, Record, RunOutcome, StepOutcome, UndoOutcome},
};
use lifeboat_contract::StepId;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tokio::sync::watch;

async fn run(world: World, steps: &[Value]) -> (Bench, lifeboat::engine::RunState) {
    let bench = Bench::new(world, steps).await;
    let state = bench.start(bench.memory(), Cancel::never()).await.unwrap().unwrap();
    (bench, state)
}

#[expect(clippy::needless_pass_by_value, reason = "a test hands over what it has just written")]
fn set(id: &str, cells: Value) -> Value {
    step(id, "toy.set", json!({ "cells": cells }))
}

fn phase(state: &lifeboat::engine::RunState, id: &str) -> StepPhase {
    state.steps[&StepId::new(id)].phase.clone()
}

fn cells(list: &[(&str, i64)]) -> BTreeMap<String, i64> {
    list.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_change_is_made_and_what_needs_none_is_left_alone() {
    let world = World::with(&[("a", 0), ("b", 1)]);
    let (bench, state) = run(world, &[set("first", json!({"a": 1})), set("second", json!({"b": 1}))]).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::Completed));
    assert_eq!(phase(&state, "first"), StepPhase::Done(StepOutcome::Changed));
    assert_eq!(phase(&state, "second"), StepPhase::Done(StepOutcome::Unchanged));
    bench.roll_back().await;
    assert_eq!(bench.cells(), cells(&[("a", 0), ("b", 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_timed_out_change_that_took_effect_is_adopted() {
    let world = World::with(&[("a", 0)]);
    world.fault(1, Fault::LostResponse);
    let (bench, state) = run(world, &[set("only", json!({"a": 1}))]).await;
    assert_eq!(phase(&state, "only"), StepPhase::Done(StepOutcome::Adopted));
    assert_eq!(bench.world.0.lock().unwrap().drives, 1, "nothing is applied again before it is observed");
}

#[tokio::test(start_paused = true)]
async fn a_timed_out_change_that_took_no_effect_is_driven_again() {
    let world = World::with(&[("a", 0)]);
    world.fault(1, Fault::LostRequest);
    let (bench, state) = run(world, &[set("only", json!({"a": 1}))]).await;
    assert_eq!(phase(&state, "only"), StepPhase::Done(StepOutcome::Changed));
    assert_eq!(bench.world.0.lock().unwrap().drives, 2);
}

#[tokio::test(start_paused = true)]
async fn a_half_done_change_is_driven_on_from_where_it_stands() {
    let world = World::with(&[("a", 0), ("b", 0)]);
    world.fault(1, Fault::Half);
    let (bench, state) = run(world, &[set("only", json!({"a": 1, "b": 1}))]).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::Completed));
    assert_eq!(bench.cells(), cells(&[("a", 1), ("b", 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_half_done_change_that_cannot_go_on_is_put_back() {
    let world = World::with(&[("a", 0), ("b", 0)]);
    world.fault(1, Fault::Half);
    world.fault(2, Fault::Reject);
    let (bench, state) = run(world, &[set("only", json!({"a": 1, "b": 1}))]).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::RolledBack));
    assert_eq!(bench.cells(), cells(&[("a", 0), ("b", 0)]));
}

#[tokio::test(start_paused = true)]
async fn what_is_slow_to_show_is_not_driven_twice() {
    let world = World::with(&[("a", 0)]);
    world.0.lock().unwrap().visible_after = Duration::from_secs(9);
    let (bench, state) = run(world, &[set("only", json!({"a": 1}))]).await;
    assert_eq!(phase(&state, "only"), StepPhase::Done(StepOutcome::Changed));
    assert_eq!(bench.world.0.lock().unwrap().drives, 1);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_change_is_tried_again() {
    let world = World::with(&[("a", 0)]);
    world.fault(1, Fault::Throttle);
    world.fault(2, Fault::Throttle);
    let (_, state) = run(world, &[set("only", json!({"a": 1}))]).await;
    assert_eq!(phase(&state, "only"), StepPhase::Done(StepOutcome::Changed));
    assert_eq!(state.steps[&StepId::new("only")].attempts(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_late_effect_is_waited_for_before_anything_is_called_undone() {
    let world = World::with(&[("a", 0), ("b", 0)]);
    world.fault(2, Fault::LandsLate(Duration::from_secs(45)));
    let mut second = set("second", json!({"b": 1}));
    (second["attempts"], second["timeout"]) = (json!(1), json!("10s"));
    let (bench, state) = run(world, &[set("first", json!({"a": 1})), second]).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::RolledBack));
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(bench.cells(), cells(&[("a", 0), ("b", 0)]), "the call landed after the rollback had looked away");
}

#[tokio::test(start_paused = true)]
async fn a_late_effect_that_lands_in_time_is_adopted() {
    let world = World::with(&[("a", 0)]);
    world.fault(1, Fault::LandsLate(Duration::from_secs(45)));
    let mut only = set("only", json!({"a": 1}));
    only["attempts"] = json!(1);
    let (bench, state) = run(world, &[only]).await;
    assert_eq!(phase(&state, "only"), StepPhase::Done(StepOutcome::Adopted));
    assert_eq!(bench.world.0.lock().unwrap().drives, 1);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_change_is_nothing_to_undo_and_the_rest_is_put_back() {
    let world = World::with(&[("a", 0), ("b", 0)]);
    world.fault(2, Fault::Reject);
    let (bench, state) = run(world, &[set("first", json!({"a": 1})), set("second", json!({"b": 1}))]).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::RolledBack));
    assert_eq!(phase(&state, "first"), StepPhase::Undone(UndoOutcome::Restored));
    assert_eq!(phase(&state, "second"), StepPhase::Failed);
    assert_eq!(bench.cells(), cells(&[("a", 0), ("b", 0)]));
}

#[tokio::test(start_paused = true)]
async fn rollback_goes_in_reverse_order_of_beginning() {
    let world = World::with(&[("a", 0), ("b", 0), ("c", 0)]);
    let steps = [set("1", json!({"a": 1})), set("2", json!({"b": 1})), set("3", json!({"c": 1}))];
    let (bench, _) = run(world, &steps).await;
    bench.roll_back().await;
    let undone: Vec<String> = bench
        .records()
        .into_iter()
        .filter_map(|line| match line.record {
            Record::UndoStarted { step } => Some(step.0),
            _ => None,
        })
        .collect();
    assert_eq!(undone, ["3", "2", "1"]);
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_change_stops_the_rollback_with_three_states() {
    let (bench, _) = run(World::with(&[("a", 0)]), &[set("only", json!({"a": 1}))]).await;
    bench.world.set("a", 7);
    let state = bench.roll_back().await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::Stuck));
    let failure = state.steps[&StepId::new("only")].failure.clone().unwrap();
    let states = failure.states.unwrap();
    assert_eq!((states.before, states.target, states.now), (json!({"a": 0}), json!({"a": 1}), json!({"a": 7})));
    assert_eq!(bench.cells(), cells(&[("a", 7)]), "what is not ours is not touched");

    bench.world.set("a", 1);
    assert_eq!(bench.resume().await.standing, Standing::Ended(RunOutcome::RolledBack), "mended by hand, it goes on");
    assert_eq!(bench.cells(), cells(&[("a", 0)]));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_world_since_the_plan_pauses_the_run() {
    let bench = Bench::new(World::with(&[("a", 0)]), &[set("only", json!({"a": 1}))]).await;
    bench.world.set("a", 7);
    let state = bench.start(bench.memory(), Cancel::never()).await.unwrap().unwrap();
    assert!(matches!(state.standing, Standing::Paused(PauseReason::StepFailed { .. })), "{:?}", state.standing);
    assert_eq!(state.steps[&StepId::new("only")].failure.as_ref().unwrap().code, "drifted");
    assert_eq!(bench.world.0.lock().unwrap().drives, 0);

    let skip = Record::Overridden {
        step: StepId::new("only"),
        action: OverrideAction::Skip,
        by: me(),
        reason: "it is fine".to_owned(),
    };
    let state = bench.go_on(&[skip, Record::Resumed { by: me() }]).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::Completed));
    assert_eq!(state.overrides[0].reason, "it is fine");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_never_crosses_a_point_of_no_return_by_itself() {
    let world = World::with(&[("a", 0), ("b", 0), ("c", 0)]);
    world.fault(4, Fault::Reject);
    let steps = [
        set("before", json!({"a": 1})),
        step("promote", "toy.set", json!({"cells": {"b": 1}, "forward_only": true})),
        set("after", json!({"c": 1})),
        set("fails", json!({"d": 1})),
    ];
    let (bench, state) = run(world, &steps).await;
    let Standing::Paused(PauseReason::NoReturn { step, .. }) = &state.standing else { panic!("{:?}", state.standing) };
    assert_eq!(step.as_str(), "promote");
    assert_eq!(bench.cells(), cells(&[("a", 1), ("b", 1), ("c", 1)]), "nothing was undone");

    let past = Record::RollbackStarted { reason: "asked".to_owned(), past_no_return: true, by: Some(me()) };
    let state = bench.go_on(&[past]).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::Failed));
    assert_eq!(bench.cells(), cells(&[("a", 1), ("b", 1), ("c", 0)]), "only what began after it was undone");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_step_of_no_return_does_not_keep_the_rest_from_being_undone() {
    let world = World::with(&[("a", 0), ("b", 0)]);
    world.fault(2, Fault::Reject);
    let steps =
        [set("first", json!({"a": 1})), step("promote", "toy.set", json!({"cells": {"b": 1}, "forward_only": true}))];
    let (bench, state) = run(world, &steps).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::RolledBack));
    assert_eq!(bench.cells(), cells(&[("a", 0), ("b", 0)]));
}

#[tokio::test(start_paused = true)]
async fn stop_and_pause_do_as_they_say() {
    for (policy, standing) in [
        ("stop", Standing::Ended(RunOutcome::Failed)),
        ("pause", Standing::Paused(PauseReason::StepFailed { step: StepId::new("check") })),
    ] {
        let mut check = step("check", "toy.is", json!({"cell": "a", "value": 9}));
        check["on_failure"] = json!(policy);
        let (bench, state) = run(World::with(&[("a", 0)]), &[set("first", json!({"a": 1})), check]).await;
        assert_eq!(state.standing, standing);
        assert_eq!(bench.cells(), cells(&[("a", 1)]));
    }
}

#[tokio::test(start_paused = true)]
async fn independent_steps_run_side_by_side_and_serialised_ones_do_not() {
    for (serialise, most) in [(Value::Null, 3), (json!("table"), 1)] {
        let steps: Vec<Value> = ["a", "b", "c"]
            .iter()
            .map(|cell| {
                let with = json!({"cells": {*cell: 1}, "takes_ms": 100, "serialise_on": serialise});
                let mut step = step(cell, "toy.set", with);
                step["needs"] = json!([]);
                step
            })
            .collect();
        let (bench, state) = run(World::with(&[("a", 0), ("b", 0), ("c", 0)]), &steps).await;
        assert_eq!(state.standing, Standing::Ended(RunOutcome::Completed));
        assert_eq!(bench.world.0.lock().unwrap().side_by_side, most);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_lets_siblings_finish_and_starts_none() {
    let world = World::with(&[("a", 0), ("b", 0), ("c", 0)]);
    world.fault(1, Fault::Reject);
    let mut quick = step("quick", "toy.set", json!({"cells": {"a": 1}}));
    let mut slow = step("slow", "toy.set", json!({"cells": {"b": 1}, "takes_ms": 20_000}));
    (quick["needs"], slow["needs"]) = (json!([]), json!([]));
    let (bench, state) = run(world, &[quick, slow, set("next", json!({"c": 1}))]).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::RolledBack));
    assert_eq!(phase(&state, "slow"), StepPhase::Undone(UndoOutcome::Restored), "it finished, then it was undone");
    assert_eq!(phase(&state, "next"), StepPhase::Pending);
    assert_eq!(bench.cells(), cells(&[("a", 0), ("b", 0), ("c", 0)]));
}

#[tokio::test(start_paused = true)]
async fn one_interrupt_finishes_the_call_and_pauses() {
    let steps = [step("slow", "toy.set", json!({"cells": {"a": 1}, "takes_ms": 5000})), set("next", json!({"b": 1}))];
    let bench = Bench::new(World::with(&[("a", 0), ("b", 0)]), &steps).await;
    let (interrupt, interrupts) = watch::channel(0);
    let press = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        interrupt.send(1).unwrap();
        std::future::pending::<()>().await;
    };
    let state = tokio::select! {
        left = bench.start(bench.memory(), Cancel::new(interrupts)) => left.unwrap().unwrap(),
        () = press => unreachable!(),
    };
    assert_eq!(state.standing, Standing::Paused(PauseReason::Interrupted));
    assert_eq!(bench.cells()["a"], 1, "the call in flight was finished");
    assert!(bench.records().iter().any(|line| matches!(line.record, Record::AttemptEnded { .. })));
    assert_eq!(bench.world.0.lock().unwrap().drives, 1, "and none was begun after it");
    assert_eq!(bench.resume().await.standing, Standing::Ended(RunOutcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn two_interrupts_stop_waiting_and_leave_the_outcome_unknown() {
    let steps = [step("slow", "toy.set", json!({"cells": {"a": 1}, "takes_ms": 5000}))];
    let bench = Bench::new(World::with(&[("a", 0)]), &steps).await;
    let (interrupt, interrupts) = watch::channel(0);
    let press = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        interrupt.send(2).unwrap();
        std::future::pending::<()>().await;
    };
    let state = tokio::select! {
        left = bench.start(bench.memory(), Cancel::new(interrupts)) => left.unwrap().unwrap(),
        () = press => unreachable!(),
    };
    assert_eq!(state.standing, Standing::Paused(PauseReason::Interrupted));
    assert!(!bench.records().iter().any(|line| matches!(line.record, Record::AttemptEnded { .. })));
    assert_eq!(bench.resume().await.standing, Standing::Ended(RunOutcome::Completed));
    assert_eq!(bench.cells()["a"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_approval_pauses_until_it_is_given_for_this_plan() {
    let steps = [step("ask", "approval", json!({"message": "go?"})), set("then", json!({"a": 1}))];
    let (bench, state) = run(World::with(&[("a", 0)]), &steps).await;
    assert_eq!(state.standing, Standing::Paused(PauseReason::ApprovalNeeded { step: StepId::new("ask") }));
    let approved = Record::Approved { step: StepId::new("ask"), by: me(), plan: bench.plan.digest.clone() };
    let state = bench.go_on(&[approved, Record::Resumed { by: me() }]).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn a_later_step_on_the_same_cell_is_planned_from_the_earlier_ones_target() {
    let steps = [set("up", json!({"a": 1})), set("down", json!({"a": 0}))];
    let (bench, state) = run(World::with(&[("a", 0)]), &steps).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::Completed));
    assert_eq!(phase(&state, "down"), StepPhase::Done(StepOutcome::Changed));
    assert_eq!(bench.cells(), cells(&[("a", 0)]));
}
