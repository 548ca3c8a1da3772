//! The points at which something can go wrong, and everything that can go wrong there.

use super::{
    fault::{Fault, Policy, READ_FAULTS, WRITE_FAULTS},
    judge::Yardstick,
    log::{differing, leaves},
    scenario::Scenario,
    stage::Performance,
};
use crate::journal::Record;
use lifeboat_contract::{Access, StepId, clock};
use lifeboat_simulated::{Injected, Meddling, Planes, World};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Within this time a drive that is answered has sent its last request.
const DRIVE_MAX: Duration = Duration::from_secs(2);

/// A fault, and what to try it with.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) fault: Fault,
    /// The first of these always; the others where the operator has a say in it at all.
    pub(super) policies: Vec<Policy>,
    /// The step that was under way; nothing for the run as a whole.
    pub(super) step: Option<StepId>,
}

/// What may happen to the world of a scenario by itself or by others.
#[derive(Debug)]
pub(super) struct Harm {
    regions: Vec<String>,
    /// The places, among the world's meddlings, of those that touch what the run touches.
    meddlings: Vec<usize>,
    /// Whether an incident has taken something away that may come back.
    ails: bool,
}

impl Harm {
    /// `after` is the world that the undisturbed run leaves.
    pub(super) fn of(scenario: &Scenario, after: &World, yardstick: &Yardstick) -> Self {
        let planes = scenario.plan.steps.iter().flat_map(|step| &step.touches.planes);
        let regions: BTreeSet<String> = planes.filter_map(|plane| Some(plane.region.as_ref()?.to_string())).collect();
        // A change that leaves what the run finds or makes itself is no stranger's, for all that anybody can see.
        let strange = |meddling: &Meddling| {
            [&scenario.world, after].into_iter().all(|world| {
                let mut changed = world.clone();
                changed.meddle(meddling);
                let (before, now) = (leaves(&world.contents()), leaves(&changed.contents()));
                let places = differing(&before, &now);
                places.is_empty() || yardstick.is_strange(&places, &now)
            })
        };
        let all = scenario.world.meddlings();
        let meddlings = (0..all.len()).filter(|which| strange(&all[*which])).collect();
        Self { regions: regions.into_iter().collect(), meddlings, ails: scenario.world.ails() }
    }
}

/// From where on points are wanted: those before it have been visited.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Since {
    pub(super) records: usize,
    pub(super) requests: usize,
}

/// Every single fault of a performance after `since`, each with the ways in which an operator may go on.
pub(super) fn points(performance: &Performance, since: Since, policies: &[Policy], harm: &Harm) -> Vec<Point> {
    let mut found = Vec::new();
    let mut add = |fault: Fault, step: Option<&StepId>| {
        found.push(Point { fault, policies: policies.to_vec(), step: step.cloned() });
    };
    let ends = ends(&performance.journal);
    let mut harmed = None;
    for ((number, line), end) in (0_u64..).zip(&performance.records).zip(&ends).skip(since.records) {
        let step = line.record.step();
        add(Fault::KilledBeforeRecord(number), step);
        add(Fault::KilledAfterRecord(number), step);
        add(Fault::JournalFull(number), step);
        add(Fault::Interrupted(number), step);
        // Where no time passes and nobody asks anything between two records, the world changes at both alike.
        let asked = performance.sent.iter().take_while(|sent| sent.durable < *end).count();
        if harmed.replace((line.at, asked)) == Some((line.at, asked)) {
            continue;
        }
        for region in &harm.regions {
            for planes in [Planes::Control, Planes::Data, Planes::Both] {
                add(Fault::RegionLost(number, region.clone(), planes), step);
            }
        }
        for which in &harm.meddlings {
            add(Fault::Meddled(number, *which), step);
        }
        if harm.ails {
            add(Fault::Recovered(number), step);
        }
    }
    let (mut lasting, mut written) = (BTreeSet::new(), BTreeSet::new());
    for sent in performance.sent.iter().take(since.requests).filter(|sent| sent.access == Access::Write) {
        written.insert(&sent.service);
    }
    for (number, sent) in (0_u64..).zip(&performance.sent).skip(since.requests) {
        let step = sent.step.as_ref();
        // What fails for good from the first of many looks on fails from the second on, too.
        let begins = lasting.insert((sent.durable, step, &sent.service, &sent.operation));
        add(Fault::KilledBeforeRequest(number), step);
        add(Fault::KilledAfterRequest(number), step);
        let faults: &[_] = if sent.access == Access::Write { &WRITE_FAULTS } else { &READ_FAULTS };
        if sent.access == Access::Write {
            written.insert(&sent.service);
        }
        // Before the first write nothing is stale.
        let makes_sense = |injected: &&Injected| match injected {
            Injected::Stale(_) => written.contains(&sent.service),
            Injected::Late(by) => step.and_then(|step| promised(performance, &ends, step, sent.durable)) >= Some(*by),
            injected => begins || !injected.is_for_good(),
        };
        for injected in faults.iter().filter(makes_sense) {
            add(Fault::Request(number, *injected), step);
        }
    }
    found
}

/// How late a request of a step may land that was sent when so much of the journal was durable: what its attempt has recorded, less
/// what a drive may take until it sends it.
fn promised(performance: &Performance, ends: &[usize], step: &StepId, durable: usize) -> Option<Duration> {
    let before = ends.iter().take_while(|end| **end <= durable).count();
    let attempt = performance.records.iter().take(before).rev().find_map(|line| match &line.record {
        Record::AttemptSent { step: of, lands_by, .. } if of == step => Some(clock::until(line.at, *lands_by)),
        _ => None,
    });
    attempt?.checked_sub(DRIVE_MAX)
}

/// Where each line of a journal ends.
pub(super) fn ends(journal: &[u8]) -> Vec<usize> {
    journal.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect()
}

/// The same points in an order of which any beginning is a fair sample: each step and each class of faults in turn.
pub(super) fn spread(points: Vec<Point>) -> Vec<Point> {
    let mut groups: BTreeMap<(Option<StepId>, &'static str), Vec<Point>> = BTreeMap::new();
    for point in points {
        groups.entry((point.step.clone(), point.fault.class())).or_default().push(point);
    }
    in_turn(groups.into_values().collect())
}

/// One of each group in turn, each group in an order that jumps about.
pub(super) fn in_turn<T>(groups: Vec<Vec<T>>) -> Vec<T> {
    let mut queues: Vec<std::vec::IntoIter<T>> = groups.into_iter().map(|group| jumping(group).into_iter()).collect();
    let mut all = Vec::new();
    while !queues.is_empty() {
        queues.retain_mut(|queue| queue.next().map(|one| all.push(one)).is_some());
    }
    all
}

/// Every place once, far from the one before it.
fn jumping<T>(group: Vec<T>) -> Vec<T> {
    let len = group.len();
    let stride = (0..len).map(|more| len * 618 / 1000 + 1 + more).find(|stride| gcd(*stride, len) == 1).unwrap_or(1);
    let mut slots: Vec<Option<T>> = group.into_iter().map(Some).collect();
    (0..len).filter_map(|turn| slots[turn * stride % len].take()).collect()
}

fn gcd(one: usize, other: usize) -> usize {
    if other == 0 { one } else { gcd(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_holds_every_point_once_and_begins_with_every_group() {
        let point = |number: u64, step: &str, fault: fn(u64) -> Fault| Point {
            fault: fault(number),
            policies: vec![Policy::Resume],
            step: Some(step.into()),
        };
        let mut all = Vec::new();
        for number in 0..40 {
            all.push(point(number, if number < 35 { "one" } else { "other" }, Fault::KilledAfterRecord));
            all.push(point(number, "one", Fault::Interrupted));
        }
        let spread = spread(all.clone());
        let faults = |points: &[Point]| points.iter().map(|point| point.fault.clone()).collect::<BTreeSet<_>>();
        assert_eq!(faults(&spread), faults(&all));
        assert_eq!(spread.len(), all.len());
        let groups: BTreeSet<_> = spread[..3].iter().map(|point| (point.step.clone(), point.fault.class())).collect();
        assert_eq!(groups.len(), 3);
    }
}
