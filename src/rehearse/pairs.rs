//! Pairs of faults: a second one after each first, as far as the budget goes.
//!
//! The first fault's run is performed once for a handful of second ones, which go on from its forks.

use super::{
    explore::{Budget, Explorer, Extent, Outcome, Progress, Rehearsal, Tell, parallel, since},
    fork::Key,
    points::{points, spread},
    scenario::NoScenario,
    tally::{Cells, Distribution},
};
use lifeboat_contract::{Clock as _, SystemClock, clock};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// How many second faults are tried at a time after a first one.
const HANDFUL: usize = 12;
/// How many violations are kept in full.
const KEPT_MAX: usize = 500;

/// What came of the pairs.
#[derive(Debug, Default)]
pub struct Pairs {
    pub tried: usize,
    /// The first faults that had at least one second.
    pub firsts: usize,
    pub cells: Cells,
    pub took: Distribution,
    pub unavailable: Distribution,
    pub lost_writes_max: u64,
    pub violated: Vec<Rehearsal>,
    /// Violations that are counted, and not kept.
    pub more_violated: usize,
}

pub(super) fn pairs(
    explorer: &Explorer<'_>,
    singles: &[Rehearsal],
    extent: &Extent,
    tell: Tell<'_>,
    keys: &mut BTreeSet<Key>,
) -> Result<Pairs, NoScenario> {
    let mut pairs = Pairs::default();
    if extent.budget_is_none() || singles.is_empty() {
        return Ok(pairs);
    }
    let began = SystemClock.now();
    let spent = || clock::until(began, SystemClock.now());
    let (done, exhausted) = (AtomicUsize::new(0), AtomicBool::new(false));
    let goes_on = || {
        !exhausted.load(Ordering::Relaxed)
            && match extent.pairs {
                Budget::None => false,
                Budget::Count(most) => done.load(Ordering::Relaxed) < most,
                Budget::Time(most) => spent() < most,
            }
    };
    let firsts = in_turn(singles);
    let mut round = 0;
    while goes_on() {
        let any = AtomicBool::new(false);
        let visit = |index: usize| {
            let found = seconds(explorer, &singles[firsts[index]], round)?;
            if !found.is_empty() {
                any.store(true, Ordering::Relaxed);
            }
            let done = done.fetch_add(found.len(), Ordering::Relaxed) + found.len();
            tell(Progress::Pairs { done, budget: extent.pairs, spent: spent() });
            Ok(found)
        };
        let visits: Vec<Result<Vec<Rehearsal>, NoScenario>> = parallel(extent.jobs, firsts.len(), &goes_on, &visit);
        for visit in visits {
            let visit = visit?;
            if round == 0 && !visit.is_empty() && pairs.has_room(extent.pairs) {
                pairs.firsts += 1;
            }
            for one in visit {
                if pairs.has_room(extent.pairs) {
                    keys.extend(&one.outcome.keys);
                    pairs.take(one);
                }
            }
        }
        round += 1;
        if !any.load(Ordering::Relaxed) {
            exhausted.store(true, Ordering::Relaxed);
        }
    }
    Ok(pairs)
}

/// A handful of second faults after a first one: in each round the next.
fn seconds(explorer: &Explorer<'_>, first: &Rehearsal, round: usize) -> Result<Vec<Rehearsal>, NoScenario> {
    let Some(base) = explorer.base(&first.script)? else { return Ok(Vec::new()) };
    let policy = first.script.policy;
    let all = spread(points(&base, since(&first.script, &base), &[policy], &explorer.harm));
    let handful = all.into_iter().skip(round * HANDFUL).take(HANDFUL);
    handful
        .map(|second| {
            let fork = base.forks.iter().rev().find(|fork| fork.precedes(&second.fault));
            let mut script = first.script.clone();
            script.faults.push(second.fault);
            let stale = script.faults.iter().any(super::Fault::is_stale);
            let fork = fork.filter(|_| !stale).or_else(|| explorer.fork(&script));
            let outcome = explorer.rehearse(&script, fork)?;
            Ok(Rehearsal { script, step: first.step.clone(), outcome })
        })
        .collect()
}

/// The single faults in an order of which any beginning is a fair sample.
fn in_turn(singles: &[Rehearsal]) -> Vec<usize> {
    let mut groups: std::collections::BTreeMap<_, Vec<usize>> = std::collections::BTreeMap::new();
    for (index, one) in singles.iter().enumerate() {
        let class = one.script.faults.first().map(super::fault::Fault::class);
        groups.entry((one.step.clone(), class, one.script.policy)).or_default().push(index);
    }
    super::points::in_turn(groups.into_values().collect())
}

impl Extent {
    fn budget_is_none(&self) -> bool {
        self.pairs == Budget::None
    }
}

impl Pairs {
    /// Threads overshoot a count; what is told does not.
    fn has_room(&self, budget: Budget) -> bool {
        match budget {
            Budget::Count(most) => self.tried < most,
            _ => true,
        }
    }

    fn take(&mut self, one: Rehearsal) {
        self.tried += 1;
        self.cells.add(&one);
        let Outcome { took, unavailable_s, lost_writes, .. } = &one.outcome;
        self.took.add(took.as_secs_f64());
        self.unavailable.add(*unavailable_s);
        self.lost_writes_max = self.lost_writes_max.max(*lost_writes);
        if one.outcome.violations.is_empty() {
            return;
        }
        if self.violated.len() < KEPT_MAX {
            self.violated.push(one);
        } else {
            self.more_violated += 1;
        }
    }
}
