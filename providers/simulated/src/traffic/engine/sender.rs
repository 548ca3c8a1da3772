//! Those who send numbered messages. Messages between two events share one fate and are counted at once.

use crate::{
    cloud::Cloud,
    reach::Request,
    traffic::{End, Estate, Watch, millis, millis_between},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sender {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The cluster it sends to.
    pub(crate) engine: String,
    pub(crate) start: Timestamp,
    pub(crate) interval_ms: u64,
    pub(crate) acknowledged: u64,
    /// Time that the message under way has taken, where acknowledgements take time.
    pub(crate) under_way_ms: u64,
    /// Since when a message waits.
    pub(crate) waiting_since_ms: Option<i64>,
    pub(crate) longest_gap_ms: u64,
    /// The node that took its messages when it was last measured.
    pub(crate) taken_by: Option<String>,
    /// What somebody watches, where somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) watch: Option<Watch>,
}

/// Who takes a sender's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taker {
    pub(crate) cluster: String,
    pub(crate) node: String,
    /// How long each acknowledgement takes it, in milliseconds.
    pub(crate) takes_ms: u64,
}

impl Sender {
    /// How many messages there are to send before `at`: one at the start, one at each full interval after it.
    pub(crate) fn created_before(&self, at: Timestamp) -> u64 {
        let elapsed = u64::try_from(millis(at) - millis(self.start)).unwrap_or(0);
        elapsed.div_ceil(self.interval_ms.max(1))
    }

    /// How many were acknowledged since a moment, if none had to wait.
    pub(crate) fn acknowledged_since(&self, at: Timestamp) -> u64 {
        self.acknowledged.saturating_sub(self.created_before(at))
    }

    /// Counts what happens from `from` until `until`. `takes_ms` is how long an acknowledgement takes, where anybody gives one.
    ///
    /// Returns how many messages were acknowledged.
    pub(crate) fn measure(&mut self, takes_ms: Option<u64>, from: Timestamp, until: Timestamp) -> u64 {
        let waiting = self.created_before(until).saturating_sub(self.acknowledged);
        let Some(takes_ms) = takes_ms else {
            self.under_way_ms = 0;
            self.wait(waiting, from, until);
            return 0;
        };
        self.under_way_ms += millis_between(from, until);
        // An acknowledgement that takes no time comes at once.
        let able = self.under_way_ms.checked_div(takes_ms).unwrap_or(waiting);
        self.under_way_ms = if able > waiting { 0 } else { self.under_way_ms.checked_rem(takes_ms).unwrap_or(0) };
        let acknowledged = able.min(waiting);
        self.acknowledged += acknowledged;
        if acknowledged > 0 {
            self.longest_gap_ms = self.longest_gap_ms.max(takes_ms);
            self.waiting_since_ms = None;
        }
        self.wait(waiting - acknowledged, from, until);
        acknowledged
    }

    fn wait(&mut self, waiting: u64, from: Timestamp, until: Timestamp) {
        if waiting == 0 {
            self.waiting_since_ms = None;
            return;
        }
        // The message that waits is the next one after those acknowledged.
        let created = millis(self.start)
            .saturating_add(i64::try_from(self.acknowledged.saturating_mul(self.interval_ms)).unwrap_or(i64::MAX));
        let since = *self.waiting_since_ms.get_or_insert(created.max(millis(from)));
        let gap = u64::try_from(millis(until) - since).unwrap_or(0);
        self.longest_gap_ms = self.longest_gap_ms.max(gap);
        if let Some(watch) = &mut self.watch {
            watch.note(since, millis(until));
            watch.all = watch.some;
        }
    }
}

impl Estate {
    /// Who takes a sender's messages now.
    ///
    /// A message is repeated until somebody acknowledges it, so that one way to a node that takes messages is enough.
    pub(crate) fn taker(&self, cloud: &Cloud, sender: &Sender, now: Timestamp) -> Option<Taker> {
        let request = Request { host: &sender.host, port: sender.port, path: "/", now };
        self.ways(cloud, &request, &self.vantage_region).into_iter().find_map(|way| {
            let End::Instance { id, port, .. } = way.end else { return None };
            self.engines.iter().filter(|(_, engine)| engine.mllp_port == port).find_map(|(cluster, engine)| {
                let (node, _) = engine.node_on(&id).filter(|(_, node)| node.takes_messages(cloud))?;
                let takes_ms = u64::try_from(engine.slow.get().as_millis()).unwrap_or(u64::MAX);
                Some(Taker { cluster: cluster.clone(), node: node.to_owned(), takes_ms })
            })
        })
    }
}
