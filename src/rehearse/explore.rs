//! Enumerates what can go wrong, performs it, and keeps what came of it. The same scenario gives the same result, whatever the jobs.

use super::{
    fault::{Fault, Policy, Script},
    fork::{Fork, Key, Seen},
    judge::{Violation, Yardstick, timeline},
    pairs::{Pairs, pairs},
    points::{Harm, Point, Since, ends, points, spread},
    scenario::{NoScenario, Scenario},
    stage::{Ending, Performance, Performed, Ways, perform},
};
use lifeboat_contract::StepId;
use lifeboat_simulated::World;
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// What came of one rehearsal.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub ending: Ending,
    pub violations: Vec<Violation>,
    /// How long the run took, deaths included, in the world's time.
    pub took: Duration,
    pub unavailable_s: f64,
    pub lost_writes: u64,
    /// What happened, of a rehearsal that violated something.
    pub timeline: Vec<String>,
    /// The states in which it was gone on with.
    pub(super) keys: Vec<Key>,
}

/// One rehearsal, as far as it is told.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    pub script: Script,
    /// The step that was under way where it first went wrong; nothing for the run as a whole.
    pub step: Option<StepId>,
    pub outcome: Outcome,
}

/// How far to go.
#[derive(Debug, Clone)]
pub struct Extent {
    /// These scripts alone.
    pub only: Option<Vec<Script>>,
    /// At most so many single faults, a fair sample.
    pub singles_max: Option<usize>,
    pub pairs: Budget,
    pub jobs: usize,
}

/// How many pairs of faults are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    None,
    Count(usize),
    /// As many as this much of the machine's time allows: how many depends on the machine.
    Time(Duration),
}

/// All of them.
#[derive(Debug)]
pub struct Explored {
    pub undisturbed: Rehearsal,
    /// Of the undisturbed run, and of its way back.
    pub records: (usize, usize),
    pub requests: (usize, usize),
    /// All single faults there are, whether tried or not.
    pub points: usize,
    /// In the order of their scripts.
    pub rehearsals: Vec<Rehearsal>,
    pub pairs: Pairs,
    /// How many different states a run was gone on with in.
    pub states: usize,
    /// The worlds' time that was performed, all in all. Not what was taken over from others.
    pub performed: Duration,
}

impl Explored {
    /// The rehearsals that broke an invariant, the undisturbed run included.
    pub fn violated(&self) -> impl Iterator<Item = &Rehearsal> {
        let all = std::iter::once(&self.undisturbed).chain(&self.rehearsals);
        all.filter(|one| !one.outcome.violations.is_empty()).chain(&self.pairs.violated)
    }

    /// How many there are; of pairs, more than are kept.
    pub fn violations(&self) -> usize {
        self.violated().count() + self.pairs.more_violated
    }
}

/// How far an exploration has come: what it does, how much of it is done, and of how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Singles { done: usize, all: usize },
    Pairs { done: usize, budget: Budget, spent: Duration },
}

pub type Tell<'a> = &'a (dyn Fn(Progress) + Sync);

/// What all rehearsals of a scenario share.
pub(super) struct Explorer<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) yardstick: Yardstick,
    pub(super) harm: Harm,
    /// The undisturbed run, and with its way back.
    there: Performance,
    back: Performance,
    seen: Seen,
    performed_ms: AtomicU64,
}

/// The world after an undisturbed run: where another rehearsal can begin.
pub fn world_after(scenario: &Scenario) -> Result<World, NoScenario> {
    let script = Script { faults: Vec::new(), policy: Policy::Resume };
    match perform(scenario, &script, Ways::default())? {
        Performed::Whole(performance) if performance.ending == Ending::Completed => Ok(performance.world),
        Performed::Whole(performance) => Err(NoScenario::Unfinished(performance.ending)),
        Performed::Known { .. } => unreachable!("nothing is known yet"),
    }
}

/// Performs the single faults of a scenario, and then pairs of them. `tell` hears of the progress.
pub fn explore(scenario: &Scenario, extent: &Extent, tell: Tell<'_>) -> Result<Explored, NoScenario> {
    let explorer = Explorer::new(scenario)?;
    let calm = Script { faults: Vec::new(), policy: Policy::Resume };
    let undisturbed = Rehearsal { outcome: explorer.outcome(&calm, &explorer.there), script: calm, step: None };
    let singles = explorer.singles();
    let all = singles.len();
    let rehearsals = match &extent.only {
        Some(given) => explorer.replay(given, extent.jobs)?,
        None => {
            let chosen = match extent.singles_max {
                Some(most) if most < all => spread(singles).into_iter().take(most).collect(),
                _ => singles,
            };
            explorer.perform_singles(&chosen, extent.jobs, tell)?
        }
    };
    let mut keys: BTreeSet<Key> = rehearsals.iter().flat_map(|one| one.outcome.keys.iter().copied()).collect();
    let pairs = pairs(&explorer, &rehearsals, extent, tell, &mut keys)?;
    let (there, back) = (&explorer.there, &explorer.back);
    Ok(Explored {
        undisturbed,
        records: (there.records.len(), back.records.len().saturating_sub(there.records.len())),
        requests: (there.sent.len(), back.sent.len().saturating_sub(there.sent.len())),
        points: all,
        rehearsals,
        pairs,
        states: keys.len(),
        performed: Duration::from_millis(explorer.performed_ms.load(Ordering::Relaxed)),
    })
}

impl<'a> Explorer<'a> {
    fn new(scenario: &'a Scenario) -> Result<Self, NoScenario> {
        let whole = |policy| -> Result<Performance, NoScenario> {
            let ways = Ways { keeps_forks: true, ..Ways::default() };
            match perform(scenario, &Script { faults: Vec::new(), policy }, ways)? {
                Performed::Whole(performance) => Ok(*performance),
                Performed::Known { .. } => unreachable!("nothing is known yet"),
            }
        };
        let (there, back) = (whole(Policy::Resume)?, whole(Policy::Return)?);
        let yardstick = Yardstick::of(scenario, &there, &back);
        let harm = Harm::of(scenario, &there.world, &yardstick);
        let (seen, performed_ms) = (Seen::default(), AtomicU64::new(0));
        Ok(Self { scenario, yardstick, harm, there, back, seen, performed_ms })
    }

    /// Every single fault of the undisturbed run, and of its way back.
    fn singles(&self) -> Vec<Point> {
        let mut all = points(&self.there, Since::default(), &[Policy::Resume, Policy::Rollback], &self.harm);
        let since = Since { records: self.there.records.len(), requests: self.there.sent.len() };
        all.extend(points(&self.back, since, &[Policy::Return], &self.harm));
        all
    }

    /// The last moment of an undisturbed run from which a script can be performed.
    pub(super) fn fork(&self, script: &Script) -> Option<&Fork> {
        // The worlds of forks have not kept what was before each write.
        if script.faults.iter().any(Fault::is_stale) {
            return None;
        }
        let forks = if script.policy == Policy::Return { &self.back.forks } else { &self.there.forks };
        forks.iter().rev().find(|fork| script.faults.iter().all(|fault| fork.precedes(fault)))
    }

    fn replay(&self, scripts: &[Script], jobs: usize) -> Result<Vec<Rehearsal>, NoScenario> {
        let one = |index: usize| {
            let script = scripts[index].clone();
            let outcome = self.rehearse(&script, self.fork(&script))?;
            Ok(Rehearsal { step: self.step_of(&script), script, outcome })
        };
        parallel(jobs, scripts.len(), &|| true, &one).into_iter().collect()
    }

    fn perform_singles(&self, chosen: &[Point], jobs: usize, tell: Tell<'_>) -> Result<Vec<Rehearsal>, NoScenario> {
        let done = AtomicUsize::new(0);
        let one = |index: usize| {
            let found = self.try_out(&chosen[index]);
            tell(Progress::Singles { done: done.fetch_add(1, Ordering::Relaxed) + 1, all: chosen.len() });
            found
        };
        let lists: Result<Vec<Vec<Rehearsal>>, NoScenario> =
            parallel(jobs, chosen.len(), &|| true, &one).into_iter().collect();
        Ok(lists?.into_iter().flatten().collect())
    }

    /// A fault with each way in which an operator may go on, where it comes to an operator at all.
    fn try_out(&self, point: &Point) -> Result<Vec<Rehearsal>, NoScenario> {
        let mut found = Vec::new();
        for policy in &point.policies {
            let script = Script { faults: vec![point.fault.clone()], policy: *policy };
            let outcome = self.rehearse(&script, self.fork(&script))?;
            let nobody_was_asked = outcome.keys.is_empty();
            found.push(Rehearsal { script, step: point.step.clone(), outcome });
            if nobody_was_asked {
                break;
            }
        }
        Ok(found)
    }

    /// Performs a script from a fork, unless it comes to a state that is known.
    pub(super) fn rehearse(&self, script: &Script, from: Option<&Fork>) -> Result<Outcome, NoScenario> {
        let ways = Ways { from, keeps_forks: false, seen: Some(&self.seen) };
        match self.guarded(script, ways)? {
            Ok(Performed::Whole(performance)) => {
                let outcome = self.outcome(script, &performance);
                self.seen.note(&performance.keys, &outcome);
                Ok(outcome)
            }
            Ok(Performed::Known { key, before, performed }) => {
                self.count(performed);
                let known = self.seen.recall(&key).expect("what was known is not forgotten");
                let keys = before.iter().chain(&known.keys).copied().collect();
                let outcome = Outcome { keys, ..known };
                self.seen.note(&before, &outcome);
                Ok(outcome)
            }
            Err(outcome) => Ok(outcome),
        }
    }

    /// Performs a script and keeps its forks, for those that go on from it. Nothing where the program broke.
    pub(super) fn base(&self, script: &Script) -> Result<Option<Performance>, NoScenario> {
        let ways = Ways { from: self.fork(script), keeps_forks: true, seen: None };
        match self.guarded(script, ways)? {
            Ok(Performed::Whole(performance)) => {
                self.count(performance.performed);
                Ok(Some(*performance))
            }
            _ => Ok(None),
        }
    }

    /// A panic is an outcome, too: the worst.
    fn guarded(&self, script: &Script, ways: Ways<'_>) -> Result<Result<Performed, Outcome>, NoScenario> {
        match catch_unwind(AssertUnwindSafe(|| perform(self.scenario, script, ways))) {
            Ok(performed) => Ok(Ok(performed?)),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text =
                    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
                Ok(Err(Outcome {
                    violations: vec![Violation { invariant: "never-panics", what: text.clone() }],
                    ending: Ending::Broke(text),
                    took: Duration::ZERO,
                    unavailable_s: 0.0,
                    lost_writes: 0,
                    timeline: Vec::new(),
                    keys: Vec::new(),
                }))
            }
        }
    }

    fn outcome(&self, script: &Script, performance: &Performance) -> Outcome {
        self.count(performance.performed);
        let violations = self.yardstick.judge(script, performance);
        let figures = performance.world.figures();
        Outcome {
            ending: performance.ending.clone(),
            timeline: if violations.is_empty() { Vec::new() } else { timeline(performance) },
            violations,
            took: performance.took,
            unavailable_s: self.yardstick.unavailable_since(&figures),
            lost_writes: self.yardstick.lost_since(&figures),
            keys: performance.keys.clone(),
        }
    }

    fn count(&self, performed: Duration) {
        let ms = u64::try_from(performed.as_millis()).unwrap_or(u64::MAX);
        self.performed_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// The step that was under way where a script's first fault strikes.
    fn step_of(&self, script: &Script) -> Option<StepId> {
        let first = script.faults.first()?;
        let of = |point: Point| (point.fault == *first).then_some(point.step).flatten();
        self.singles().into_iter().find_map(of)
    }
}

/// Does `work` for 0, 1, 2 … on so many threads, as long as `goes_on`. What was begun is ended: the results are a beginning of all.
pub(super) fn parallel<T: Send>(
    jobs: usize,
    count: usize,
    goes_on: &(dyn Fn() -> bool + Sync),
    work: &(dyn Fn(usize) -> T + Sync),
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while goes_on() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    let result = work(index);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Where a script's last fault strikes, as a place from which on others are looked for.
pub(super) fn since(script: &Script, performance: &Performance) -> Since {
    use super::fault::Place;
    let ends = ends(&performance.journal);
    let index = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    match script.faults.last().map(Fault::place) {
        None => Since::default(),
        Some(Place::Record(n)) => {
            let end = ends.get(index(n)).copied().unwrap_or(usize::MAX);
            let requests = performance.sent.iter().take_while(|sent| sent.durable < end).count();
            Since { records: index(n) + 1, requests }
        }
        Some(Place::Request(n)) => {
            let durable = performance.sent.get(index(n)).map_or(usize::MAX, |sent| sent.durable);
            let records = ends.iter().take_while(|end| **end <= durable).count();
            Since { records, requests: index(n) + 1 }
        }
    }
}
