//! kill -9 at every journal record: `resume` ends as if there had been no kill, `rollback` restores the first world.

use crate::toy::{Bench, Fault, Memory, World, step};
use lifeboat::{
    engine::{Cancel, Standing},
    journal::{Record, RunOutcome},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

fn steps() -> Vec<Value> {
    vec![
        step("ready", "toy.is", json!({"cell": "a", "value": 0})),
        step("first", "toy.set", json!({"cells": {"a": 1, "b": 1}, "takes_ms": 20})),
        step("pause", "wait", json!({"duration": "3s"})),
        step("second", "toy.set", json!({"cells": {"c": 1}, "takes_ms": 20})),
        step("done", "toy.is", json!({"cell": "c", "value": 1})),
    ]
}

const START: [(&str, i64); 3] = [("a", 0), ("b", 0), ("c", 0)];

/// A run over a world with the given faults, killed right after its `after`th record. `None` once it ends before that.
async fn killed(after: u64, faults: &[(u32, Fault)], slow: Duration) -> Option<Bench> {
    let bench = bench(faults, slow).await;
    let kill = Arc::new(Notify::new());
    let storage = Memory { kill_after: Some((after, kill)), ..bench.memory() };
    // The last record is written and the run has left: nothing is killed any more.
    bench.start(storage, Cancel::never()).await.is_none().then_some(bench)
}

async fn bench(faults: &[(u32, Fault)], slow: Duration) -> Bench {
    let world = World::with(&START);
    world.0.lock().unwrap().visible_after = slow;
    for (drive, fault) in faults {
        world.fault(*drive, fault.clone());
    }
    Bench::new(world, &steps()).await
}

fn cases() -> Vec<(Vec<(u32, Fault)>, Duration)> {
    vec![
        (vec![], Duration::ZERO),
        (vec![], Duration::from_secs(5)),
        (vec![(1, Fault::Half)], Duration::ZERO),
        (vec![(1, Fault::LostRequest), (2, Fault::LostResponse)], Duration::from_secs(1)),
        (vec![(2, Fault::LandsLate(Duration::from_secs(7)))], Duration::ZERO),
    ]
}

#[tokio::test(start_paused = true)]
async fn resume_after_a_kill_at_every_record_completes() {
    let mut kills = 0;
    for (faults, slow) in cases() {
        for after in 0.. {
            let Some(bench) = killed(after, &faults, slow).await else { break };
            kills += 1;
            let state = bench.resume().await;
            assert_eq!(state.standing, Standing::Ended(RunOutcome::Completed), "killed after {after}: {faults:?}");
            let expected = [("a", 1), ("b", 1), ("c", 1)].map(|(name, value)| (name.to_owned(), value));
            assert_eq!(bench.cells(), expected.into(), "killed after record {after}, {faults:?}");
        }
    }
    assert!(kills > 50, "only {kills} kills: the run is shorter than this test believes");
}

#[tokio::test(start_paused = true)]
async fn rollback_after_a_kill_at_every_record_restores_the_first_world() {
    let mut kills = 0;
    for (faults, slow) in cases() {
        for after in 0.. {
            let Some(bench) = killed(after, &faults, slow).await else { break };
            kills += 1;
            let state = bench.roll_back().await;
            assert_eq!(state.standing, Standing::Ended(RunOutcome::RolledBack), "killed after {after}: {faults:?}");
            // Whatever was still in the air has landed an hour later.
            tokio::time::sleep(Duration::from_hours(1)).await;
            let expected = START.map(|(name, value)| (name.to_owned(), value));
            assert_eq!(bench.cells(), expected.into(), "killed after record {after}, {faults:?}");
        }
    }
    assert!(kills > 50, "only {kills} kills: the run is shorter than this test believes");
}

#[tokio::test(start_paused = true)]
async fn a_kill_during_the_rollback_is_survived_too() {
    for after in 0.. {
        let bench = bench(&[], Duration::from_secs(1)).await;
        bench.start(bench.memory(), Cancel::never()).await.unwrap().unwrap();
        let whole = bench.records().len() as u64;
        bench.roll_back().await;
        let all = bench.bytes.lock().unwrap().clone();
        let lines: Vec<&[u8]> = all.split_inclusive(|&byte| byte == b'\n').collect();
        let keep = usize::try_from(whole + after).unwrap();
        if keep >= lines.len() {
            assert!(after > 3, "the rollback wrote {after} records");
            break;
        }
        // The world stands wherever the rollback left it; the journal ends earlier.
        *bench.bytes.lock().unwrap() = lines[..keep].concat();
        let state = bench.roll_back().await;
        assert_eq!(state.standing, Standing::Ended(RunOutcome::RolledBack), "cut after {after}");
        assert_eq!(bench.cells(), START.map(|(name, value)| (name.to_owned(), value)).into());
    }
}

#[tokio::test(start_paused = true)]
async fn no_effect_without_a_durable_intent() {
    let bench = bench(&[], Duration::ZERO).await;
    bench.start(bench.memory(), Cancel::never()).await.unwrap().unwrap();
    assert!(!bench.world.0.lock().unwrap().effects.is_empty());
    bench.assert_intended();
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_journal_cannot_be_written_stops() {
    for from in 0.. {
        let bench = bench(&[], Duration::ZERO).await;
        let storage = Memory { refuse_from: Some(from), ..bench.memory() };
        let left = bench.start(storage, Cancel::never()).await.unwrap();
        if left.is_ok() {
            assert!(from > 10, "the run ended after {from} records");
            break;
        }
        let sent = bench.records().iter().filter(|line| matches!(line.record, Record::AttemptSent { .. })).count();
        assert_eq!(bench.world.0.lock().unwrap().drives as usize, sent, "a drive without its record, full from {from}");
    }
}
