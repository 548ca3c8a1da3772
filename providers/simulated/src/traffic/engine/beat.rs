//! What nodes do by themselves: notice that they died or were cut off, leave their heartbeat, and look who has the queue.

use super::{Beat, Engine, Node, Process};
use crate::cloud::Cloud;
use jiff::Timestamp;
use lifeboat_contract::clock::{after, until};

impl Engine {
    /// Takes note of machines and networks as they are now, and lets the nodes look when their time has come.
    ///
    /// `acknowledged_before` says how many messages of this cluster's senders were acknowledged until a moment.
    pub(crate) fn advance(&mut self, cloud: &Cloud, now: Timestamp, acknowledged_since: &dyn Fn(Timestamp) -> u64) {
        self.notice(cloud, now, acknowledged_since);
        if self.next_beat <= now {
            self.next_beat = after(now, self.heartbeat.get());
            let names: Vec<String> = self.nodes.keys().cloned().collect();
            for name in names {
                self.look(&name, cloud, now);
            }
        }
    }

    fn notice(&mut self, cloud: &Cloud, now: Timestamp, acknowledged_since: &dyn Fn(Timestamp) -> u64) {
        let names: Vec<String> = self.nodes.keys().cloned().collect();
        for name in names {
            let node = &self.nodes[&name];
            let up = cloud.machine_up(&node.machine);
            let sees = self.sees_storage(cloud, node);
            let (was, process) = (node.processing, node.process);
            let process = match (process, up) {
                (_, false) => Process::Down,
                (Process::Down, true) => Process::Running,
                (process, true) => process,
            };
            // One that hangs does not notice that it was cut off; every other lets go.
            let keeps = match process {
                Process::Running => sees,
                Process::Hung => true,
                Process::Crashed | Process::Down => false,
            };
            let died = was && matches!(process, Process::Crashed | Process::Down);
            if died && !self.stored_within.get().is_zero() {
                let since =
                    now.checked_sub(jiff::SignedDuration::try_from(self.stored_within.get()).unwrap_or_default());
                let since = since.unwrap_or(now).max(node.since);
                self.queue.lose(acknowledged_since(since));
            }
            if let Some(node) = self.nodes.get_mut(&name) {
                node.process = process;
                node.processing = was && keeps;
            }
        }
    }

    /// One node's look at the storage.
    fn look(&mut self, name: &str, cloud: &Cloud, now: Timestamp) {
        let node = &self.nodes[name];
        if node.process != Process::Running || !self.sees_storage(cloud, node) {
            return;
        }
        let owns = self.owner == name;
        let free = !self.nodes.iter().any(|(other, node)| other != name && self.is_heard(node, now));
        let processing = owns && (node.processing || free);
        let position = self.queue.position();
        if let Some(node) = self.nodes.get_mut(name) {
            if processing && !node.processing {
                node.position = position;
                node.worked = 0;
                node.since = now;
            }
            node.processing = processing;
            node.beat = Some(Beat { at: now, processing });
        }
    }

    /// Whether a node's last heartbeat says that it processes, and is young enough to be believed.
    fn is_heard(&self, node: &Node, now: Timestamp) -> bool {
        let heard = |beat: &Beat| {
            let age = until(beat.at, now).saturating_add(self.slow.get());
            beat.processing && age < self.takeover_after.get()
        };
        node.beat.as_ref().is_some_and(heard)
    }

    /// A process that hung goes on: it takes what comes next from where it was, before it looks who has the queue.
    pub(crate) fn wake(&mut self, name: &str, cloud: &Cloud) {
        let Some(node) = self.nodes.get(name).filter(|node| node.process == Process::Hung) else { return };
        let takes = node.processing && self.sees_storage(cloud, node);
        let (position, prefetch) = (node.position, u64::from(self.prefetch));
        let count = prefetch.min(self.queue.accepted().saturating_sub(position));
        if let Some(node) = self.nodes.get_mut(name) {
            node.process = Process::Running;
            if takes {
                node.position += count;
            }
        }
        if takes {
            self.queue.deliver(position, count);
        }
    }
}
