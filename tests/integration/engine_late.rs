//! Calls that take effect late, where another step or another life of the process has to know of them.

use crate::toy::{Bench, Fault, Memory, World, step};
use lifeboat::{
    engine::{Cancel, RunState, Standing},
    journal::RunOutcome,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::Notify;

fn set(id: &str, cells: &Value) -> Value {
    step(id, "toy.set", json!({ "cells": cells, "takes_ms": 1000 }))
}

/// The cells an hour after a run that began in this world.
async fn run(world: World, steps: &[Value]) -> (RunState, BTreeMap<String, i64>) {
    let bench = Bench::new(world, steps).await;
    let state = bench.start(bench.memory(), Cancel::never()).await.unwrap().unwrap();
    (state, an_hour_later(&bench).await)
}

async fn an_hour_later(bench: &Bench) -> BTreeMap<String, i64> {
    tokio::time::sleep(Duration::from_hours(1)).await;
    bench.cells()
}

fn late() -> Fault {
    Fault::LandsLate(Duration::from_secs(40))
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_at_a_kill_is_not_forgotten_over_a_later_attempt_that_was_turned_down() {
    let world = World::with(&[("a", 0)]);
    world.fault(1, late());
    world.fault(2, Fault::Reject);
    let bench = Bench::new(world, &[set("only", &json!({"a": 1}))]).await;
    // Records 0 to 2: opened, started, sent.
    let storage = Memory { kill_after: Some((2, Arc::new(Notify::new()))), ..bench.memory() };
    assert!(bench.start(storage, Cancel::never()).await.is_none(), "it is killed");
    let state = bench.resume().await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::Completed), "the first call took effect after all");
    assert_eq!(an_hour_later(&bench).await["a"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_step_begins_once_nothing_of_an_earlier_one_can_land_on_its_cells() {
    let world = World::with(&[("a", 0)]);
    world.fault(1, late());
    let mut second = set("second", &json!({"a": 2}));
    // Less than it waits for: its own time begins after that.
    second["timeout"] = json!("30s");
    let (state, cells) = run(world, &[set("first", &json!({"a": 1})), second]).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::Completed));
    assert_eq!(cells["a"], 2, "the first step's call landed on top of the second's");
}

#[tokio::test(start_paused = true)]
async fn steps_with_other_cells_do_not_wait_for_it() {
    let world = World::with(&[("a", 0), ("b", 0)]);
    world.fault(1, late());
    let (state, _) = run(world, &[set("first", &json!({"a": 1})), set("second", &json!({"b": 2}))]).await;
    let began = |state: &RunState, id: &str| state.steps[&id.into()].began_at.unwrap();
    let between = began(&state, "second").duration_since(began(&state, "first"));
    assert!(between.as_secs() < 30, "{between}");
}

#[tokio::test(start_paused = true)]
async fn an_undo_waits_until_nothing_of_a_later_steps_undo_can_land_on_its_cells() {
    let world = World::with(&[("a", 0), ("b", 0)]);
    world.fault(3, Fault::Reject);
    world.fault(4, late());
    let steps = [set("first", &json!({"a": 1})), set("second", &json!({"a": 2})), set("fails", &json!({"b": 1}))];
    let (state, cells) = run(world, &steps).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::RolledBack));
    assert_eq!(cells["a"], 0, "the second step's way back landed on top of the first's");
}
