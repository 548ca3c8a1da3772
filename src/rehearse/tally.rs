//! Counts how rehearsals ended: by step and class of fault, and over all. Decides nothing.

use super::{explore::Rehearsal, fault::Fault, stage::Ending};
use lifeboat_contract::Span;
use std::{collections::BTreeMap, time::Duration};

/// The classes of faults, in the order in which they are shown.
pub(super) const CLASSES: [&str; 10] = [
    "killed",
    "journal full",
    "interrupted",
    "refused",
    "for good",
    "timed out",
    "stale",
    "slow or stuck",
    "region lost",
    "meddled",
];
/// The row of what strikes while no step is under way.
pub(super) const RUN: &str = "(the run)";
/// Every way to end, the worst first: its letter, its word, and the word for machines.
pub(super) const ENDINGS: [(char, &str, &str); 7] = [
    ('!', "violation", "broke"),
    ('c', "completed", "completed"),
    ('r', "rolled back", "rolled_back"),
    ('p', "paused", "paused"),
    ('s', "stuck", "stuck"),
    ('f', "failed", "failed"),
    ('n', "not begun", "not_begun"),
];

/// How many rehearsals ended how, in the place of [`ENDINGS`].
pub(super) type Tally = [usize; ENDINGS.len()];

/// The same, by the step that was under way and the class of the first fault.
#[derive(Debug, Default, Clone)]
pub struct Cells(BTreeMap<(String, &'static str), Tally>);

impl Cells {
    pub(super) fn of<'r>(rehearsals: impl IntoIterator<Item = &'r Rehearsal>) -> Self {
        let mut cells = Self::default();
        for one in rehearsals {
            cells.add(one);
        }
        cells
    }

    pub(super) fn add(&mut self, one: &Rehearsal) {
        let row = one.step.as_ref().map_or_else(|| RUN.to_owned(), ToString::to_string);
        let class = one.script.faults.first().map_or(CLASSES[0], Fault::class);
        let place = if one.outcome.violations.is_empty() { place(&one.outcome.ending) } else { 0 };
        self.0.entry((row, class)).or_default()[place] += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn at(&self, row: &str, class: &'static str) -> Option<&Tally> {
        self.0.get(&(row.to_owned(), class))
    }

    /// The classes that occur, in their order.
    pub(super) fn classes(&self) -> Vec<&'static str> {
        CLASSES.into_iter().filter(|class| self.0.keys().any(|(_, other)| other == class)).collect()
    }

    pub(super) fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in self.0.values() {
            for (sum, count) in total.iter_mut().zip(tally) {
                *sum += count;
            }
        }
        total
    }
}

pub(super) fn place(ending: &Ending) -> usize {
    match ending {
        Ending::Broke(_) => 0,
        Ending::Completed => 1,
        Ending::RolledBack => 2,
        Ending::Paused(_) => 3,
        Ending::Stuck(_) => 4,
        Ending::Failed => 5,
        Ending::NotBegun => 6,
    }
}

/// `31c 12r`.
pub(super) fn short(tally: &Tally) -> String {
    let counts = tally.iter().zip(ENDINGS).filter(|(count, _)| **count > 0);
    counts.map(|(count, (letter, ..))| format!("{count}{letter}")).collect::<Vec<_>>().join(" ")
}

/// Seconds over all rehearsals: not one number.
#[derive(Debug, Default, Clone)]
pub struct Distribution(Vec<f64>);

impl Distribution {
    pub(super) fn add(&mut self, seconds: f64) {
        self.0.push(seconds);
    }

    /// The median, what 95 of 100 stay within, and the worst.
    pub(super) fn marks(&self) -> [f64; 3] {
        let mut values = self.0.clone();
        values.sort_by(f64::total_cmp);
        let at = |part: usize| values.get(values.len().saturating_sub(1) * part / 100).copied().unwrap_or_default();
        [at(50), at(95), at(100)]
    }

    pub(super) fn words(&self) -> String {
        let [median, most, worst] = self.marks().map(words);
        format!("median {median}, 95 of 100 within {most}, worst {worst}")
    }
}

impl FromIterator<f64> for Distribution {
    fn from_iter<I: IntoIterator<Item = f64>>(seconds: I) -> Self {
        Self(seconds.into_iter().collect())
    }
}

/// Seconds to the tenth, for people.
pub(super) fn words(seconds: f64) -> String {
    Span(Duration::try_from_secs_f64((seconds * 10.0).round() / 10.0).unwrap_or_default()).to_string()
}
