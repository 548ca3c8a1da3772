//! Clients that send a packet at each interval. Packets between two events share one fate and are counted at once.

use super::{Estate, Watch, millis};
use crate::{azure::is_azure_subnet, cloud::Cloud};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::Ipv4Addr};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ping {
    pub(crate) region: String,
    pub(crate) from: String,
    pub(crate) to: Ipv4Addr,
    pub(crate) start: Timestamp,
    pub(crate) interval_ms: u64,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    /// Packets lost in a row up to now, and at most.
    pub(crate) losing: u64,
    pub(crate) longest_loss: u64,
    /// Packets that arrived, by site.
    pub(crate) arrived: BTreeMap<String, u64>,
    /// The site that its packets reached when it was last measured.
    pub(crate) arrives_at: Option<String>,
    /// What somebody watches, where somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) watch: Option<Watch>,
}

/// What becomes of packets while nothing changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The sender is gone.
    NotSent,
    /// They reach this site.
    Arrives(String),
    /// They reach nobody.
    Lost,
}

impl Ping {
    pub(crate) fn fate(&self, cloud: &Cloud, estate: &Estate) -> Fate {
        if !cloud.machine_up(&self.from) {
            return Fate::NotSent;
        }
        let Some(subnet) = cloud.primary_subnet(&self.region, &self.from) else { return Fate::NotSent };
        let reached = if is_azure_subnet(&subnet) {
            estate.azure_ping(cloud, &self.from, &subnet, self.to)
        } else {
            estate.deliver(cloud, &self.region, &subnet, self.to)
        };
        match reached {
            Some(id) => Fate::Arrives(estate.software.get(&id).map_or(id, |software| software.site.clone())),
            None => Fate::Lost,
        }
    }

    /// Counts the packets sent from `from` on and before `until`.
    pub(crate) fn measure(&mut self, fate: Fate, from: Timestamp, until: Timestamp) {
        let packets = self.sent_before(until) - self.sent_before(from);
        if packets == 0 || fate == Fate::NotSent {
            return;
        }
        self.sent += packets;
        if let Fate::Arrives(site) = fate {
            self.losing = 0;
            *self.arrived.entry(site).or_default() += packets;
        } else {
            self.lost += packets;
            self.losing += packets;
            self.longest_loss = self.longest_loss.max(self.losing);
            // From the first packet that was lost to the next one that is due.
            let due = self.due_ms(self.sent_before(until));
            let lost_for = self.losing.saturating_mul(self.interval_ms);
            if let Some(watch) = &mut self.watch {
                watch.note(due.saturating_sub_unsigned(lost_for), due);
                watch.all = watch.some;
            }
        }
    }

    /// When the packet with this number is due; the first one has the number 0.
    fn due_ms(&self, number: u64) -> i64 {
        millis(self.start).saturating_add_unsigned(number.saturating_mul(self.interval_ms))
    }

    /// How many packets are due before `at`: one at the start, one at each full interval after it.
    fn sent_before(&self, at: Timestamp) -> u64 {
        let elapsed = u64::try_from(millis(at) - millis(self.start)).unwrap_or(0);
        elapsed.div_ceil(self.interval_ms.max(1))
    }
}
