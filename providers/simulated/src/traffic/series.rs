//! What clients and replicas went through over time. Only changes are noted, and nothing at all unless somebody asked for it:
//! worlds are copied by the thousand.

use super::{Fate, Fortune, WHOLE};
use crate::{cloud::Cloud, incident::Happening};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// So many changes of one line are kept: those before are dropped.
const CHANGES_MAX: usize = 2000;

/// What happened over time, as far back as it was noted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What happened to the world by itself.
    pub incidents: Vec<Occurrence>,
    /// By client, by sender of packets and by sender of messages: who served its requests. A share holds until the next.
    pub traffic: BTreeMap<String, Vec<Share>>,
    /// By database cluster that follows another. Between two points it is on the straight line.
    pub lag: BTreeMap<String, Vec<Lag>>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    pub at: Timestamp,
    pub what: String,
}

/// What became of one client's requests from this moment on, in parts of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    pub at: Timestamp,
    pub served: BTreeMap<String, f64>,
    pub failed: f64,
}

/// How far a replica was behind at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    pub at: Timestamp,
    /// Nothing since it follows nobody.
    pub seconds: Option<f64>,
}

impl Series {
    pub(crate) fn note_incident(&mut self, at: Timestamp, what: &Happening) {
        self.incidents.push(Occurrence { at, what: what.to_string() });
        trim(&mut self.incidents);
    }

    pub(crate) fn note_client(&mut self, name: &str, fortune: &Fortune, from: Timestamp) {
        let served = fortune.served.iter().map(|(site, share)| (site.clone(), part(*share))).collect();
        self.note_share(name, Share { at: from, served, failed: part(fortune.failed()) });
    }

    pub(crate) fn note_ping(&mut self, name: &str, fate: &Fate, from: Timestamp) {
        let name = format!("{name} packets");
        match fate {
            Fate::Arrives(site) => self.note_taken(&name, Some(site), from),
            Fate::Lost => self.note_taken(&name, None, from),
            Fate::NotSent => self.note_share(&name, Share { at: from, served: BTreeMap::new(), failed: 0.0 }),
        }
    }

    /// `by`: the node that takes its messages, where one does.
    pub(crate) fn note_sender(&mut self, name: &str, by: Option<&str>, from: Timestamp) {
        self.note_taken(&format!("{name} messages"), by, from);
    }

    fn note_taken(&mut self, name: &str, by: Option<&str>, from: Timestamp) {
        let served: BTreeMap<String, f64> = by.into_iter().map(|by| (by.to_owned(), 1.0)).collect();
        let failed = if served.is_empty() { 1.0 } else { 0.0 };
        self.note_share(name, Share { at: from, served, failed });
    }

    fn note_share(&mut self, name: &str, share: Share) {
        if let Some(line) = self.traffic.get_mut(name) {
            #[expect(clippy::float_cmp, reason = "what did not change is the very same number")]
            let is_new = line.last().is_none_or(|last| last.served != share.served || last.failed != share.failed);
            if is_new {
                line.push(share);
                trim(line);
            }
        } else {
            self.traffic.insert(name.to_owned(), vec![share]);
        }
    }

    /// The lag of every replica at both ends of an interval in which nothing changes.
    pub(crate) fn note_lag(&mut self, cloud: &Cloud, from: Timestamp, until: Timestamp) {
        let mut following = BTreeMap::new();
        for global in cloud.rds.globals.values() {
            for member in global.members.iter().filter(|member| !member.writer && !member.pending_resync) {
                following.insert(member.cluster.rsplit(':').next().unwrap_or_default(), member);
            }
        }
        for (name, line) in &mut self.lag {
            if !following.contains_key(name.as_str()) && line.last().is_some_and(|last| last.seconds.is_some()) {
                line.push(Lag { at: from, seconds: None });
            }
        }
        for (name, member) in following {
            let line = self.lag.entry(name.to_owned()).or_default();
            for at in [from, until] {
                let behind = super::millis(at) - super::millis(member.replicated_through(at));
                push_on_line(line, Lag { at, seconds: Some(seconds(behind)) });
            }
            trim(line);
        }
    }

    /// What happened between two moments, and how all stood at the first of them.
    #[must_use]
    pub fn between(&self, from: Timestamp, until: Timestamp) -> Self {
        let incidents = self.incidents.iter().filter(|one| from <= one.at && one.at <= until).cloned().collect();
        let traffic = self.traffic.iter().map(|(name, line)| {
            let first = line.iter().rposition(|share| share.at <= from).unwrap_or(0);
            let kept = line[first..].iter().filter(|share| share.at <= until);
            (name.clone(), kept.map(|share| Share { at: share.at.max(from), ..share.clone() }).collect())
        });
        let lag = self.lag.iter().map(|(name, line)| {
            let kept = line.iter().filter(|point| from <= point.at && point.at <= until).cloned();
            let mut kept: Vec<Lag> = kept.collect();
            if let Some(first) = lag_at(line, from).filter(|first| kept.first().is_none_or(|next| next.at > first.at)) {
                kept.insert(0, first);
            }
            if let Some(last) = lag_at(line, until).filter(|last| kept.last().is_some_and(|known| known.at < last.at)) {
                kept.push(last);
            }
            (name.clone(), kept)
        });
        Self { incidents, traffic: traffic.collect(), lag: lag.collect() }
    }
}

/// Leaves out a point in the middle of a straight line.
fn push_on_line(line: &mut Vec<Lag>, point: Lag) {
    if line.last() == Some(&point) {
        return;
    }
    if let [.., before, last] = line.as_slice()
        && last.at <= point.at
        && interpolated(before, &point, last.at) == Some(last.seconds.unwrap_or(f64::NAN))
    {
        line.pop();
    }
    line.push(point);
}

/// To the millisecond, so that what is on a line is found to be.
fn interpolated(before: &Lag, after: &Lag, at: Timestamp) -> Option<f64> {
    let (low, high) = (before.seconds?, after.seconds?);
    let whole = super::millis(after.at) - super::millis(before.at);
    if whole <= 0 {
        return None;
    }
    let passed = seconds(super::millis(at) - super::millis(before.at));
    let value = low + (high - low) * passed / seconds(whole);
    Some((value * 1000.0).round() / 1000.0)
}

/// The lag at a moment that a line covers.
fn lag_at(line: &[Lag], at: Timestamp) -> Option<Lag> {
    let next = line.iter().position(|point| point.at > at)?;
    let before = &line[next.checked_sub(1)?];
    Some(Lag { at, seconds: interpolated(before, &line[next], at) })
}

fn trim<T>(line: &mut Vec<T>) {
    if line.len() > CHANGES_MAX {
        line.drain(..line.len() - CHANGES_MAX);
    }
}

fn part(share: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a share is at most a million")]
    let (share, whole) = (share as f64, WHOLE as f64);
    share / whole
}

fn seconds(millis: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact in a float for 285,000 years")]
    let millis = millis as f64;
    millis / 1000.0
}
