//! Opaque work: what it changes cannot be observed, so nothing of it is repeated, skipped or undone by guess.

use crate::toy::{Bench, Fault, Memory, World, me, step};
use lifeboat::{
    engine::{Cancel, RunState, Standing, StepPhase},
    journal::{OverrideAction, PauseReason, Record, RunOutcome, StepOutcome, UndoOutcome},
    plan::PlannedBody,
};
use lifeboat_contract::{Reversal, StepId};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Tells the world that `a` is 1, and on the way back that it is 0.
fn tell(repeatable: bool) -> Value {
    let mut step = step("tell", "toy.tell", json!({ "cells": {"a": 1}, "repeatable": repeatable }));
    step["undo"] = json!({ "cells": {"a": 0}, "repeatable": true });
    step
}

/// A change after it that is turned down: the run goes backwards.
fn hopeless(world: &World, drive: u32) -> Value {
    world.fault(drive, Fault::Reject);
    step("hopeless", "toy.set", json!({ "cells": {"b": 1} }))
}

async fn run(world: World, steps: &[Value]) -> (Bench, RunState) {
    let bench = Bench::new(world, steps).await;
    let state = bench.start(bench.memory(), Cancel::never()).await.unwrap().unwrap();
    (bench, state)
}

fn phase(state: &RunState) -> StepPhase {
    state.steps[&StepId::new("tell")].phase.clone()
}

fn a(bench: &Bench) -> i64 {
    bench.cells().get("a").copied().unwrap_or_default()
}

fn drives(bench: &Bench) -> u32 {
    bench.world.0.lock().unwrap().drives
}

#[tokio::test(start_paused = true)]
async fn a_task_is_done_once_and_undone_by_its_own_way_back() {
    let (bench, state) = run(World::default(), &[tell(false)]).await;
    assert_eq!((phase(&state), a(&bench), drives(&bench)), (StepPhase::Done(StepOutcome::Changed), 1, 1));

    let world = World::default();
    let second = hopeless(&world, 2);
    let (bench, state) = run(world, &[tell(false), second]).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::RolledBack));
    assert_eq!((phase(&state), a(&bench)), (StepPhase::Undone(UndoOutcome::Restored), 0));
}

#[tokio::test(start_paused = true)]
async fn a_repeatable_task_of_unknown_outcome_is_repeated() {
    for fault in [Fault::LostRequest, Fault::LostResponse] {
        let world = World::default();
        world.fault(1, fault);
        let (bench, state) = run(world, &[tell(true)]).await;
        assert_eq!((phase(&state), a(&bench), drives(&bench)), (StepPhase::Done(StepOutcome::Changed), 1, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn any_other_task_of_unknown_outcome_waits_for_a_person() {
    let world = World::default();
    world.fault(1, Fault::LostResponse);
    let mut task = tell(false);
    task["on_failure"] = json!("pause");
    let (bench, state) = run(world, &[task]).await;
    assert_eq!(state.standing, Standing::Paused(PauseReason::StepFailed { step: StepId::new("tell") }));
    let failure = state.steps[&StepId::new("tell")].failure.clone().unwrap();
    assert!(failure.unknown && !failure.untouched, "{failure:?}");
    // Resuming alone brings no news of it.
    let state = bench.resume().await;
    assert_eq!((phase(&state), drives(&bench)), (StepPhase::Failed, 1));

    let (step, by, reason) = (StepId::new("tell"), me(), "looked it up: it was not done".to_owned());
    let again = Record::Overridden { step, action: OverrideAction::Again, by, reason };
    let state = bench.go_on(&[again, Record::Resumed { by: me() }]).await;
    assert_eq!((phase(&state), drives(&bench)), (StepPhase::Done(StepOutcome::Changed), 2));
    assert_eq!(state.overrides.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_way_back_waits_for_work_that_may_still_land() {
    let world = World::default();
    world.fault(1, Fault::LandsLate(Duration::from_secs(20)));
    let (bench, state) = run(world, &[tell(false)]).await;
    assert_eq!(state.standing, Standing::Ended(RunOutcome::RolledBack));
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(a(&bench), 0, "the work landed after its undo");
}

#[tokio::test(start_paused = true)]
async fn a_task_without_a_way_back_is_a_point_of_no_return() {
    let world = World::default();
    let second = hopeless(&world, 2);
    let bare = step("tell", "toy.tell", json!({ "cells": {"a": 1} }));
    let bench = Bench::new(world, &[bare, second]).await;
    let PlannedBody::Task(planned) = &bench.plan.steps[0].body else { panic!("a task is planned as one") };
    assert!(matches!(planned.reversal, Reversal::ForwardOnly(_)));
    assert_eq!(bench.plan.point_of_no_return().map(|step| step.id.as_str()), Some("tell"));
    let state = bench.start(bench.memory(), Cancel::never()).await.unwrap().unwrap();
    assert!(matches!(state.standing, Standing::Paused(PauseReason::NoReturn { .. })), "{:?}", state.standing);
    assert_eq!(a(&bench), 1);
}

/// Killed after every record, then resumed: a repeatable task is done; another one is done, or left to a person, never repeated.
#[tokio::test(start_paused = true)]
async fn a_kill_at_every_record_never_repeats_what_must_not_be() {
    for repeatable in [true, false] {
        for after in 0.. {
            let bench = Bench::new(World::default(), &[tell(repeatable)]).await;
            let storage = Memory { kill_after: Some((after, Arc::new(Notify::new()))), ..bench.memory() };
            if bench.start(storage, Cancel::never()).await.is_some() {
                assert!(after >= 3, "the run is shorter than this test believes");
                break;
            }
            let state = bench.resume().await;
            let done = phase(&state) == StepPhase::Done(StepOutcome::Changed);
            let effects = bench.world.0.lock().unwrap().effects.iter().filter(|written| written.value == 1).count();
            assert!(done || !repeatable, "killed after {after}: {:?}", phase(&state));
            assert!(repeatable || effects <= 1, "killed after {after}: done {effects} times");
            assert!(done || state.standing == Standing::Ended(RunOutcome::RolledBack) && a(&bench) == 0);
        }
    }
}
