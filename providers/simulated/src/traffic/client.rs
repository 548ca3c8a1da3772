//! Clients that send requests at a steady rate, and their measurements. Between two events everything is constant.

use super::{End, Estate, Load, WHOLE, Watch, millionths, millis, millis_between, path::Way};
use crate::{cloud::Cloud, reach::Request};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So many millionths come of rounding.
const ROUNDED: u64 = 10;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Client {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path: String,
    pub(crate) region: String,
    pub(crate) requests_per_second: f64,
    pub(crate) writes: bool,
    pub(crate) measures: ClientMeasures,
    /// The sites that answered some of its requests when it was last measured.
    pub(crate) served_by: BTreeSet<String>,
}

/// Shares are in millionths, times in milliseconds: their sums don't depend on where intervals are cut.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClientMeasures {
    /// Share times time, by site.
    pub(crate) served: BTreeMap<String, u64>,
    pub(crate) failed: u64,
    /// Since when some of the requests fail.
    pub(crate) failing_since_ms: Option<i64>,
    pub(crate) first_failure_ms: Option<i64>,
    pub(crate) recovered_ms: Option<i64>,
    /// The longest time without a moment in which all requests succeeded.
    pub(crate) longest_outage_ms: u64,
    /// What somebody watches, where somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) watch: Option<Watch>,
}

/// What becomes of a client's requests while nothing changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Fortune {
    /// Millionths that succeed, by site.
    pub(crate) served: BTreeMap<String, u64>,
    /// Millionths that are written, by cluster.
    pub(crate) written: BTreeMap<String, u64>,
}

impl Client {
    /// Where this client's requests end.
    pub(super) fn ways(&self, cloud: &Cloud, estate: &Estate, now: Timestamp) -> Vec<Way> {
        let request = Request { host: &self.host, port: self.port, path: &self.path, now };
        estate.ways(cloud, &request, &self.region)
    }

    /// What becomes of its requests, under the load of all clients.
    pub(crate) fn fortune(&self, cloud: &Cloud, estate: &Estate, load: &Load, now: Timestamp) -> Fortune {
        let mut fortune = Fortune::default();
        for way in self.ways(cloud, estate, now) {
            let End::Instance { id, port, .. } = &way.end else { continue };
            let Some(served) = estate.serve(cloud, id, *port, &self.path).filter(super::Served::is_success) else {
                continue;
            };
            let part = way.part * load.answered(id);
            *fortune.served.entry(served.site).or_default() += millionths(part);
            if let Some(cluster) = served.wrote_to.filter(|_| self.writes) {
                *fortune.written.entry(cluster).or_default() += millionths(part);
            }
        }
        fortune
    }

    /// Adds an interval in which the client's fortune did not change.
    pub(crate) fn measure(&mut self, fortune: &Fortune, from: Timestamp, until: Timestamp) {
        let length = millis_between(from, until);
        if length == 0 {
            return;
        }
        for (site, share) in &fortune.served {
            *self.measures.served.entry(site.clone()).or_default() += share * length;
        }
        self.measures.note(fortune.failed(), millis(from), length);
    }
}

impl Fortune {
    /// Millionths that fail. Shares are rounded one by one: a few millionths too few are no failure.
    pub(crate) fn failed(&self) -> u64 {
        let failed = WHOLE.saturating_sub(self.served.values().sum());
        if failed <= ROUNDED { 0 } else { failed }
    }
}

impl ClientMeasures {
    fn note(&mut self, failed: u64, from_ms: i64, length: u64) {
        self.failed += failed * length;
        if failed > 0 {
            let since = *self.failing_since_ms.get_or_insert(from_ms);
            self.first_failure_ms.get_or_insert(from_ms);
            self.recovered_ms = None;
            let outage = u64::try_from(from_ms - since).unwrap_or(0) + length;
            self.longest_outage_ms = self.longest_outage_ms.max(outage);
            if let Some(watch) = &mut self.watch {
                watch.note(since, since.saturating_add_unsigned(outage));
                // Shares are rounded: a few millionths too many are no answer.
                if failed >= WHOLE - ROUNDED {
                    watch.note_all(from_ms, from_ms.saturating_add_unsigned(length));
                }
            }
        } else if self.failing_since_ms.take().is_some() {
            self.recovered_ms = Some(from_ms);
        }
    }
}
