//! Whole runs of generated runbooks through the engine, over a toy world that fails, lies and dies as it is told.

use super::{cases, plans::policy};
use crate::toy::{Bench, Fault, Memory, World, me, step};
use lifeboat::{
    engine::{Cancel, EngineError, RunState, Standing},
    journal::{PauseReason, Record, RunOutcome},
    runbook::OnFailure,
};
use lifeboat_contract::StepId;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};

/// One step, as the generator draws it.
#[derive(Debug, Clone)]
struct Shape {
    work: Work,
    /// Which of the steps before it it needs, one bit each.
    needs: u8,
    on_failure: OnFailure,
    attempts: u32,
    takes_ms: u64,
}

#[derive(Debug, Clone)]
enum Work {
    /// Sets a cell of its own and one that it may share with others, which are set one after the other.
    Set {
        shares: Option<u8>,
        lane: bool,
        forward_only: bool,
    },
    Tell {
        repeatable: bool,
        undo: bool,
    },
    Check {
        holds: bool,
    },
    Wait {
        seconds: u8,
    },
}

/// What is drawn for one run.
#[derive(Debug, Clone)]
struct Scenario {
    shapes: Vec<Shape>,
    /// What becomes of a drive, by its number.
    faults: Vec<(u32, Fault)>,
    visible_after: Duration,
    /// How often the operator interrupts the first life, and after how many milliseconds.
    interrupt: Option<(u32, u64)>,
    /// One for each life of the process but the last.
    deaths: Vec<Death>,
    /// What is done where a run came to rest.
    answers: Vec<Answer>,
}

#[derive(Debug, Clone)]
struct Death {
    /// How many records that life still writes.
    after: u64,
    /// Whether it dies of a journal that takes no more, after the call in flight, and not at once.
    journal_full: bool,
    answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    Resume,
    RollBack,
    PastNoReturn,
}

fn tame() -> impl Strategy<Value = Work> {
    prop_oneof![
        4 => (prop::option::of(0..2_u8), any::<bool>())
            .prop_map(|(shares, lane)| Work::Set { shares, lane, forward_only: false }),
        1 => Just(Work::Tell { repeatable: true, undo: true }),
        1 => Just(Work::Check { holds: true }),
        1 => (0..90_u8).prop_map(|seconds| Work::Wait { seconds }),
    ]
}

fn wild() -> impl Strategy<Value = Work> {
    prop_oneof![
        5 => tame(),
        1 => Just(Work::Set { shares: None, lane: false, forward_only: true }),
        2 => (any::<bool>(), prop::bool::weighted(0.8)).prop_map(|(repeatable, undo)| Work::Tell { repeatable, undo }),
        1 => Just(Work::Check { holds: false }),
    ]
}

fn shapes(
    work: impl Strategy<Value = Work>,
    attempts: impl Strategy<Value = u32>,
) -> impl Strategy<Value = Vec<Shape>> {
    let shape = (work, any::<u8>(), policy(), attempts, prop::sample::select(vec![0, 20, 5000])).prop_map(
        |(work, needs, on_failure, attempts, takes_ms)| Shape { work, needs, on_failure, attempts, takes_ms },
    );
    prop::collection::vec(shape, 1..=5)
}

/// What leaves open whether it happened, or asks to try again: a run gets over a few of these. Nothing lands later than the toy
/// kinds say it can.
fn passing() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Throttle),
        Just(Fault::LostRequest),
        Just(Fault::LostResponse),
        Just(Fault::Half),
        (1..40_u64).prop_map(|seconds| Fault::LandsLate(Duration::from_secs(seconds))),
    ]
}

fn faults(fault: impl Strategy<Value = Fault>, most: usize) -> impl Strategy<Value = Vec<(u32, Fault)>> {
    prop::collection::vec((1..10_u32, fault), 0..=most)
}

fn visible_after() -> impl Strategy<Value = Duration> {
    (0..12_u64).prop_map(Duration::from_secs)
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![4 => Just(Answer::Resume), 2 => Just(Answer::RollBack), 1 => Just(Answer::PastNoReturn)]
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let fault = prop_oneof![4 => passing(), 1 => Just(Fault::Reject)];
    let death = (0..12_u64, any::<bool>(), answer()).prop_map(|(after, journal_full, answer)| Death {
        after,
        journal_full,
        answer,
    });
    let answers = prop::collection::vec(answer(), 0..4);
    let interrupt = prop::option::weighted(0.3, (1..=2_u32, 0..60_000_u64));
    let deaths = prop::collection::vec(death, 0..4);
    (shapes(wild(), 1..=4_u32), faults(fault, 6), visible_after(), interrupt, deaths, answers).prop_map(
        |(shapes, faults, visible_after, interrupt, deaths, answers)| Scenario {
            shapes,
            faults,
            visible_after,
            interrupt,
            deaths,
            answers,
        },
    )
}

/// Runs over a few faults that pass, and whose steps can all be done and undone.
fn bearable() -> impl Strategy<Value = Scenario> {
    (shapes(tame(), Just(4)), faults(passing(), 3), visible_after()).prop_map(|(shapes, faults, visible_after)| {
        Scenario { shapes, faults, visible_after, interrupt: None, deaths: Vec::new(), answers: Vec::new() }
    })
}

impl Scenario {
    fn steps(&self) -> Vec<Value> {
        let mut last_on: BTreeMap<u8, usize> = BTreeMap::new();
        self.shapes.iter().enumerate().map(|(index, shape)| shape.step(index, &mut last_on)).collect()
    }

    async fn bench(&self) -> Bench {
        let world = World::default();
        world.0.lock().unwrap().visible_after = self.visible_after;
        for (drive, fault) in &self.faults {
            world.fault(*drive, fault.clone());
        }
        Bench::new(world, &self.steps()).await
    }

    /// The cells after a completed run; all of them are 0 before.
    fn done(&self) -> BTreeMap<String, i64> {
        let mut cells = BTreeMap::new();
        for step in self.steps() {
            for (cell, value) in step["with"]["cells"].as_object().into_iter().flatten() {
                cells.insert(cell.clone(), value.as_i64().unwrap());
            }
        }
        cells
    }

    /// Plays the run from its start to where nobody does anything more.
    async fn play(&self) -> (Bench, RunState) {
        let bench = self.bench().await;
        let mut answers = self.answers.iter();
        let mut deaths = self.deaths.iter();
        let mut order: Option<Record> = None;
        loop {
            let death = deaths.next();
            let storage = mortal(&bench, death);
            let left = in_time(async {
                match order.take() {
                    None => self.interrupted(|cancel| bench.start(storage, cancel)).await,
                    Some(order) => bench.go_on_with(&[order], storage).await,
                }
            })
            .await;
            let answer = match (left, death) {
                (Some(Ok(state)), _) if state.standing == Standing::Paused(PauseReason::Interrupted) => {
                    Some(Answer::Resume)
                }
                (Some(Ok(_)), _) => answers.next().copied(),
                (None | Some(Err(EngineError::Journal(_))), Some(death)) => Some(death.answer),
                (left, death) => panic!("a life ended in an unforeseen way: {left:?}, {death:?}"),
            };
            let lines = bench.records();
            if lines.is_empty() {
                // It died before its first record: there is no run.
                continue;
            }
            let state = RunState::replay(&lines).unwrap();
            match answer.map(order_of).filter(|order| state.clone().fold(state.last_at, order).is_ok()) {
                Some(next) => order = Some(next),
                None if death.is_some() && state.standing == Standing::Running => {
                    order = Some(order_of(Answer::Resume));
                }
                None => return (bench, state),
            }
        }
    }
}

impl Scenario {
    /// One life, and an operator who may lose patience meanwhile.
    async fn interrupted<T, F: Future<Output = T>>(&self, life: impl FnOnce(Cancel) -> F) -> T {
        let (interrupt, interrupts) = watch::channel(0);
        let press = async {
            if let Some((times, after)) = self.interrupt {
                tokio::time::sleep(Duration::from_millis(after)).await;
                interrupt.send_replace(times);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            left = life(Cancel::new(interrupts)) => left,
            () = press => unreachable!("nobody stops pressing"),
        }
    }
}

impl Shape {
    fn step(&self, index: usize, last_on: &mut BTreeMap<u8, usize>) -> Value {
        let mut needs: Vec<usize> = (0..index).filter(|before| self.needs >> before & 1 == 1).collect();
        let value = i64::try_from(index).unwrap() + 1;
        let own = format!("own-{index}");
        let mut undo = None;
        let (kind, with) = match &self.work {
            Work::Set { shares, lane, forward_only } => {
                let mut cells = BTreeMap::from([(own, value)]);
                if let Some(shared) = shares {
                    cells.insert(format!("shared-{shared}"), value);
                    needs.extend(last_on.insert(*shared, index));
                }
                let mut with = json!({"cells": cells, "takes_ms": self.takes_ms, "forward_only": forward_only});
                if *lane {
                    with["serialise_on"] = json!("lane");
                }
                ("toy.set", with)
            }
            Work::Tell { repeatable, undo: undone } => {
                undo = undone.then(|| json!({"cells": {own.clone(): 0}, "repeatable": true}));
                ("toy.tell", json!({"cells": {own: value}, "repeatable": repeatable}))
            }
            Work::Check { holds } => ("toy.is", json!({"cell": "nobody's", "value": i64::from(!holds)})),
            Work::Wait { seconds } => ("wait", json!({"duration": format!("{seconds}s")})),
        };
        let mut step = step(&id(index), kind, with);
        step["needs"] = needs.into_iter().map(id).collect();
        step["on_failure"] = json!(self.on_failure);
        step["attempts"] = json!(self.attempts);
        if let Some(undo) = undo {
            step["undo"] = undo;
        }
        step
    }
}

fn id(index: usize) -> String {
    format!("step-{index}")
}

fn order_of(answer: Answer) -> Record {
    let back = |past_no_return| Record::RollbackStarted { reason: "asked".to_owned(), past_no_return, by: Some(me()) };
    match answer {
        Answer::Resume => Record::Resumed { by: me() },
        Answer::RollBack => back(false),
        Answer::PastNoReturn => back(true),
    }
}

/// The journal of a life that dies as told.
fn mortal(bench: &Bench, death: Option<&Death>) -> Memory {
    let Some(death) = death else { return bench.memory() };
    let last = u64::try_from(bench.records().len()).unwrap() + death.after;
    let kill_after = (!death.journal_full).then(|| (last, Arc::new(Notify::new())));
    Memory { refuse_from: Some(last + 1), kill_after, ..bench.memory() }
}

/// Every life ends within a day of its own time.
async fn in_time<T>(life: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_hours(24), life).await.expect("a run that does not end")
}

fn in_virtual_time<T>(play: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(play)
}

/// The cells once all that is under way has landed; a cell that was never written is 0.
async fn at_rest(bench: &Bench) -> BTreeMap<String, i64> {
    tokio::time::sleep(Duration::from_hours(1)).await;
    let mut cells = bench.cells();
    cells.retain(|_, value| *value != 0);
    cells
}

/// Each way back undoes what began, the last first.
fn assert_undone_in_reverse(bench: &Bench) {
    let lines = bench.records();
    let begun: Vec<&StepId> = lines
        .iter()
        .filter_map(|line| if let Record::StepStarted { step, .. } = &line.record { Some(step) } else { None })
        .collect();
    let place = |step: &StepId| begun.iter().position(|begun| *begun == step).expect("what is undone has begun");
    let undone: Vec<usize> = lines
        .iter()
        .filter_map(|line| if let Record::UndoStarted { step } = &line.record { Some(place(step)) } else { None })
        .collect();
    assert!(undone.is_sorted_by(|earlier, later| earlier > later), "undone in the order {undone:?}");
}

/// What may not be done twice is done once at the most.
fn assert_done_once(scenario: &Scenario, bench: &Bench) {
    for (index, shape) in scenario.shapes.iter().enumerate() {
        if matches!(shape.work, Work::Tell { repeatable: false, .. }) {
            let (step, inner) = (StepId::new(id(index)), bench.world.0.lock().unwrap());
            let forward =
                inner.effects.iter().filter(|written| written.step.as_ref() == Some(&step) && written.value != 0);
            assert!(forward.count() <= 1, "{step} was done twice");
        }
    }
}

proptest! {
    #![proptest_config(cases(160))]

    #[test]
    fn whatever_happens_a_run_ends_as_it_says(scenario in scenario()) {
        in_virtual_time(async {
            let (bench, state) = scenario.play().await;
            bench.assert_intended();
            assert_undone_in_reverse(&bench);
            assert_done_once(&scenario, &bench);
            assert_ne!(state.standing, Standing::Running);
            let found = at_rest(&bench).await;
            match &state.standing {
                Standing::Ended(RunOutcome::Completed) => assert_eq!(found, scenario.done()),
                Standing::Ended(RunOutcome::RolledBack) => assert_eq!(found, BTreeMap::new()),
                _ => {}
            }
        });
    }

    #[test]
    fn a_run_repeats_byte_for_byte(scenario in scenario()) {
        let journal = || in_virtual_time(async { scenario.play().await.0.bytes.lock().unwrap().clone() });
        prop_assert_eq!(journal(), journal());
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn resumed_after_any_record_a_run_ends_as_if_nothing_had_been(scenario in bearable(), journal_full in any::<bool>()) {
        in_virtual_time(async {
            let (undisturbed, state) = scenario.play().await;
            assert_eq!(state.standing, Standing::Ended(RunOutcome::Completed));
            assert_eq!(at_rest(&undisturbed).await, scenario.done());
            for after in 1..u64::try_from(undisturbed.records().len()).unwrap() - 1 {
                let death = Death { after, journal_full, answer: Answer::Resume };
                let (bench, state) = Scenario { deaths: vec![death], ..scenario.clone() }.play().await;
                assert_eq!(state.standing, Standing::Ended(RunOutcome::Completed), "resumed after {after}");
                assert_eq!(at_rest(&bench).await, scenario.done(), "resumed after {after}");
            }
        });
    }

    #[test]
    fn rolled_back_after_any_record_nothing_is_left(scenario in bearable(), journal_full in any::<bool>()) {
        in_virtual_time(async {
            let (undisturbed, _) = scenario.play().await;
            for after in 1..u64::try_from(undisturbed.records().len()).unwrap() - 1 {
                let death = Death { after, journal_full, answer: Answer::RollBack };
                let (bench, state) = Scenario { deaths: vec![death], ..scenario.clone() }.play().await;
                assert_eq!(state.standing, Standing::Ended(RunOutcome::RolledBack), "rolled back after {after}");
                assert_eq!(at_rest(&bench).await, BTreeMap::new(), "rolled back after {after}");
            }
        });
    }
}
