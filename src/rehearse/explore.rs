//! Enumerates what can go wrong, performs it, and keeps what came of it. The same scenario gives the same result, whatever the jobs.

use super::{
    fault::{Fault, Policy, READ_FAULTS, Script, WRITE_FAULTS},
    judge::{Violation, Yardstick, timeline},
    scenario::{NoScenario, Scenario},
    stage::{Ending, Performance, perform},
};
use lifeboat_contract::{Access, StepId};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// One rehearsal, as far as it is told.
#[derive(Debug)]
pub struct Rehearsal {
    pub script: Script,
    /// The step that was under way where it went wrong; nothing for the run as a whole.
    pub step: Option<StepId>,
    pub ending: Ending,
    pub violations: Vec<Violation>,
    pub took: Duration,
    pub unavailable_s: f64,
    pub lost_writes: u64,
    /// What happened, of a rehearsal that violated something.
    pub timeline: Vec<String>,
}

/// All of them.
#[derive(Debug)]
pub struct Explored {
    pub undisturbed: Rehearsal,
    pub records: usize,
    pub requests: usize,
    /// In the order of their scripts.
    pub rehearsals: Vec<Rehearsal>,
    /// Seconds of the worlds that passed.
    pub simulated: Duration,
}

impl Explored {
    /// The rehearsals that broke an invariant, the undisturbed run included.
    pub fn violated(&self) -> impl Iterator<Item = &Rehearsal> {
        std::iter::once(&self.undisturbed).chain(&self.rehearsals).filter(|one| !one.violations.is_empty())
    }
}

/// Performs every single fault of a scenario, or of `only` those given, on `jobs` threads. `done` is told of each.
pub fn explore(
    scenario: &Scenario,
    only: Option<&[Script]>,
    jobs: usize,
    done: &(dyn Fn(usize, usize) + Sync),
) -> Result<Explored, NoScenario> {
    let calm = Script { faults: Vec::new(), policy: Policy::Resume };
    let first = perform(scenario, &calm)?;
    let yardstick =
        Yardstick { figures: first.world.figures(), first: scenario.world.contents(), last: first.world.contents() };
    let undisturbed = tell(&calm, None, &first, &yardstick);
    let scripts: Vec<(Script, Option<StepId>)> = match only {
        Some(given) => given.iter().map(|script| (script.clone(), place(script, &first))).collect(),
        None => singles(&first),
    };
    let results: Vec<Mutex<Option<Result<Rehearsal, NoScenario>>>> = scripts.iter().map(|_| Mutex::new(None)).collect();
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((script, step)) = scripts.get(index) else { break };
                    let result = rehearse(scenario, script, step.clone(), &yardstick);
                    *results[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                    done(finished.fetch_add(1, Ordering::Relaxed) + 1, scripts.len());
                }
            });
        }
    });
    let rehearsals: Vec<Rehearsal> = results
        .into_iter()
        .map(|result| {
            let result = result.into_inner().unwrap_or_else(PoisonError::into_inner);
            result.expect("every script is taken by one thread, which ends with a result")
        })
        .collect::<Result<_, _>>()?;
    let simulated = rehearsals.iter().map(|rehearsal| rehearsal.took).sum();
    Ok(Explored { undisturbed, records: first.records.len(), requests: first.sent.len(), rehearsals, simulated })
}

fn rehearse(
    scenario: &Scenario,
    script: &Script,
    step: Option<StepId>,
    yardstick: &Yardstick,
) -> Result<Rehearsal, NoScenario> {
    match catch_unwind(AssertUnwindSafe(|| perform(scenario, script))) {
        Ok(performance) => Ok(tell(script, step, &performance?, yardstick)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
            let violations = vec![Violation { invariant: "never-panics", what: text.clone() }];
            let (ending, timeline) = (Ending::Broke(text), Vec::new());
            let script = script.clone();
            Ok(Rehearsal {
                script,
                step,
                ending,
                violations,
                took: Duration::ZERO,
                unavailable_s: 0.0,
                lost_writes: 0,
                timeline,
            })
        }
    }
}

fn tell(script: &Script, step: Option<StepId>, performance: &Performance, yardstick: &Yardstick) -> Rehearsal {
    let violations = yardstick.judge(performance);
    let figures = performance.world.figures();
    Rehearsal {
        script: script.clone(),
        step,
        ending: performance.ending.clone(),
        timeline: if violations.is_empty() { Vec::new() } else { timeline(performance) },
        violations,
        took: performance.took,
        unavailable_s: figures.unavailable_s,
        lost_writes: figures.lost_writes,
    }
}

/// Every single fault of the undisturbed run, each with every way in which an operator may go on.
fn singles(first: &Performance) -> Vec<(Script, Option<StepId>)> {
    let mut scripts = Vec::new();
    let both = [Policy::Resume, Policy::Rollback];
    let mut add = |fault: Fault, policies: &[Policy], step: Option<&StepId>| {
        for policy in policies {
            scripts.push((Script { faults: vec![fault], policy: *policy }, step.cloned()));
        }
    };
    for (number, line) in (0_u64..).zip(&first.records) {
        let step = line.record.step();
        add(Fault::KilledBeforeRecord(number), &both, step);
        add(Fault::KilledAfterRecord(number), &both, step);
        add(Fault::JournalFull(number), &both, step);
        add(Fault::Interrupted(number), &both, step);
    }
    for (number, sent) in (0_u64..).zip(&first.sent) {
        let step = sent.step.as_ref();
        add(Fault::KilledBeforeRequest(number), &both, step);
        add(Fault::KilledAfterRequest(number), &both, step);
        let faults: &[_] = if sent.access == Access::Write { &WRITE_FAULTS } else { &READ_FAULTS };
        for injected in faults {
            add(Fault::Request(number, *injected), &[Policy::Resume], step);
        }
    }
    scripts
}

/// The step that was under way where a script's first fault strikes.
fn place(script: &Script, first: &Performance) -> Option<StepId> {
    let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    match script.faults.first()? {
        Fault::KilledAfterRecord(n) | Fault::KilledBeforeRecord(n) | Fault::JournalFull(n) | Fault::Interrupted(n) => {
            first.records.get(at(*n))?.record.step().cloned()
        }
        Fault::KilledBeforeRequest(n) | Fault::KilledAfterRequest(n) | Fault::Request(n, _) => {
            first.sent.get(at(*n))?.step.clone()
        }
    }
}
