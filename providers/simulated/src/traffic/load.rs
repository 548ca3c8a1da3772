//! How much the clients ask of each instance, and how much of that it can answer. Measures nothing.

use super::{Client, End, Estate};
use crate::cloud::Cloud;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The part of their requests that instances answer which have more than they can do. The others answer all.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Load(BTreeMap<String, f64>);

impl Load {
    /// The load that clients put on everything while nothing changes.
    ///
    /// All that reaches an instance counts, whatever its answer is. What is beyond its rate fails in proportion.
    pub(crate) fn of<'a>(
        clients: impl Iterator<Item = &'a Client>,
        cloud: &Cloud,
        estate: &Estate,
        now: Timestamp,
    ) -> Self {
        if estate.applications.values().all(|application| application.requests_per_second.is_none()) {
            return Self::default();
        }
        let mut rates: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for client in clients {
            for way in client.ways(cloud, estate, now) {
                let End::Instance { id, port, .. } = way.end else { continue };
                let limit = estate.listener(cloud, &id, port).and_then(|(_, running)| running.requests_per_second);
                if let Some(limit) = limit {
                    rates.entry(id).or_insert((0.0, limit)).0 += client.requests_per_second * way.part;
                }
            }
        }
        let short = rates.into_iter().filter(|(_, (asked, limit))| asked > limit);
        Self(short.map(|(id, (asked, limit))| (id, limit / asked)).collect())
    }

    /// The part of its requests that an instance answers.
    pub(super) fn answered(&self, instance: &str) -> f64 {
        self.0.get(instance).copied().unwrap_or(1.0)
    }
}
