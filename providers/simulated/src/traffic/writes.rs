//! Acknowledged writes: which of them a new writer never received, and when two databases took writes at once.

use super::{Client, client::Fortune, millis, millis_between};
use crate::{cloud::Cloud, rds::Promotion};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The databases of the world, by family: a global cluster, and what was taken out of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Families(BTreeMap<String, Family>);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Family {
    /// What was acknowledged lately, and may not have been replicated yet.
    recent: Vec<Acknowledged>,
    acknowledged: f64,
    lost: f64,
    two_writers_ms: u64,
}

/// Writes at a steady rate to one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Acknowledged {
    cluster: String,
    from_ms: i64,
    until_ms: i64,
    per_second: f64,
}

impl Families {
    pub(crate) fn lost(&self) -> f64 {
        self.0.values().map(|family| family.lost).sum()
    }

    pub(crate) fn acknowledged(&self) -> f64 {
        self.0.values().map(|family| family.acknowledged).sum()
    }

    pub(crate) fn two_writers_ms(&self) -> u64 {
        self.0.values().map(|family| family.two_writers_ms).sum()
    }

    /// Adds an interval in which nothing changed.
    pub(crate) fn measure<'a>(
        &mut self,
        cloud: &Cloud,
        clients: impl Iterator<Item = (&'a Client, &'a Fortune)>,
        from: Timestamp,
        until: Timestamp,
    ) {
        let length = millis_between(from, until);
        if length == 0 {
            return;
        }
        let up = |region: &str| cloud.data_up(region);
        let names: BTreeSet<&String> =
            cloud.rds.clusters.values().filter_map(|cluster| cluster.family.as_ref()).collect();
        for name in names {
            if cloud.rds.writers(name, &up).count() > 1 {
                self.0.entry(name.clone()).or_default().two_writers_ms += length;
            }
        }
        let mut rates: BTreeMap<&String, f64> = BTreeMap::new();
        for (client, fortune) in clients {
            for (cluster, share) in &fortune.written {
                #[expect(clippy::cast_precision_loss, reason = "a share is at most a million")]
                let share = *share as f64 / 1_000_000.0;
                *rates.entry(cluster).or_default() += client.requests_per_second * share;
            }
        }
        for (cluster, per_second) in rates {
            self.acknowledge(cloud, cluster, per_second, from, until);
        }
        self.forget(cloud, until);
    }

    fn acknowledge(&mut self, cloud: &Cloud, cluster: &str, per_second: f64, from: Timestamp, until: Timestamp) {
        let Some(name) = cloud.rds.clusters.get(cluster).and_then(|cluster| cluster.family.clone()) else { return };
        let family = self.0.entry(name).or_default();
        let writes = per_second * seconds(millis_between(from, until));
        family.acknowledged += writes;
        // A member that lost the writer's role and goes on taking writes will throw them away when it follows again.
        if cloud.rds.member(cluster).is_some_and(|member| !member.writer) {
            family.lost += writes;
            return;
        }
        let (from_ms, until_ms) = (millis(from), millis(until));
        match family.recent.last_mut() {
            #[expect(clippy::float_cmp, reason = "the same clients with the same fortune have the very same rate")]
            Some(last) if last.cluster == cluster && last.until_ms == from_ms && last.per_second == per_second => {
                last.until_ms = until_ms;
            }
            _ => family.recent.push(Acknowledged { cluster: cluster.to_owned(), from_ms, until_ms, per_second }),
        }
    }

    /// A new writer has taken over: what it never received is lost.
    pub(crate) fn promote(&mut self, promotion: &Promotion) {
        let family = self.0.entry(promotion.family.clone()).or_default();
        if let Some(since) = promotion.lost_since.map(millis) {
            for writes in family.recent.iter().filter(|writes| writes.cluster == promotion.old) {
                let missed = u64::try_from(writes.until_ms - writes.from_ms.max(since)).unwrap_or(0);
                family.lost += writes.per_second * seconds(missed);
            }
        }
        family.recent.retain(|writes| writes.cluster != promotion.old);
    }

    /// Drops what every follower has received.
    fn forget(&mut self, cloud: &Cloud, now: Timestamp) {
        for (name, family) in &mut self.0 {
            let followers = cloud.rds.globals.get(name).map(|global| global.members.as_slice()).unwrap_or_default();
            let through = followers
                .iter()
                .filter(|member| !member.writer && !member.pending_resync)
                .map(|member| millis(member.replicated_through(now)))
                .min();
            let through = through.unwrap_or_else(|| millis(now));
            family.recent.retain(|writes| writes.until_ms > through);
        }
    }
}

fn seconds(millis: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact in a float for 285,000 years")]
    let millis = millis as f64;
    millis / 1000.0
}
