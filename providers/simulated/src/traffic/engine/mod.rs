//! Integration engines: nodes that take turns at a shared queue. What they do follows from their storage and their network alone.
//!
//! Nothing here knows who hands queues over, or why.

mod beat;
mod http;
mod mllp;
mod queue;
mod sender;

pub(crate) use http::Asked;
pub use mllp::Peer;
pub(crate) use mllp::Spoken;
pub(crate) use queue::Queue;
pub(crate) use sender::{Sender, Taker};

use crate::{
    cloud::Cloud,
    machine::{Flow, Machine},
};
use jiff::Timestamp;
use lifeboat_contract::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The port of a file system, as security groups see it.
const STORAGE_PORT: u16 = 2049;

/// A cluster: its nodes, and what lies on the storage that they share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Engine {
    pub(crate) nodes: BTreeMap<String, Node>,
    pub(crate) storage: Storage,
    pub(crate) mllp_port: u16,
    pub(crate) http_port: u16,
    pub(crate) heartbeat: Span,
    pub(crate) takeover_after: Span,
    pub(crate) processes_per_second: u32,
    pub(crate) prefetch: u32,
    pub(crate) stored_within: Span,
    /// Everything that is written to the storage takes this much longer.
    pub(crate) slow: Span,
    /// On the storage: the node that shall have the queue.
    pub(crate) owner: String,
    /// On the storage: the messages, and how far they are processed.
    pub(crate) queue: Queue,
    /// When the nodes look next.
    pub(crate) next_beat: Timestamp,
    pub(crate) two_actives_ms: u64,
}

/// Where the queue of a cluster lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Storage {
    FileSystem {
        region: String,
        id: String,
    },
    /// `GROUP/ACCOUNT/SHARE`.
    FileShare(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) machine: String,
    pub(crate) interface: Option<String>,
    pub(crate) process: Process,
    /// Takes messages, and works on the queue.
    pub(crate) processing: bool,
    /// Where it is in the queue, in its memory.
    pub(crate) position: u64,
    /// What it last left on the storage.
    pub(crate) beat: Option<Beat>,
    /// Parts of a message that it has worked on, in thousandths.
    pub(crate) worked: u64,
    /// Since when it takes messages.
    pub(crate) since: Timestamp,
    /// Messages of others than the world's senders that it acknowledged.
    pub(crate) strangers: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Process {
    Running,
    Crashed,
    /// Does nothing and answers nobody, and holds on to what it has.
    Hung,
    /// Its machine does not run.
    Down,
}

/// A heartbeat on the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Beat {
    pub(crate) at: Timestamp,
    pub(crate) processing: bool,
}

impl Storage {
    /// Whether the storage can be used from a machine's zone.
    fn serves(&self, cloud: &Cloud, machine: &Machine) -> bool {
        match self {
            Self::FileSystem { region, id } => {
                cloud.zone_up(region, &machine.zone) && cloud.file_system_in(region, id, &machine.zone)
            }
            Self::FileShare(share) => cloud.azure.share_available(share, &machine.zone),
        }
    }
}

impl Node {
    /// Whether the process answers at all. Whether the network lets anybody ask is not its business.
    fn answers(&self, cloud: &Cloud) -> bool {
        self.process == Process::Running && cloud.machine_up(&self.machine)
    }

    /// Whether it takes messages right now.
    pub(crate) fn takes_messages(&self, cloud: &Cloud) -> bool {
        self.processing && self.answers(cloud)
    }
}

impl Engine {
    /// Whether a node's process can use the storage.
    pub(crate) fn sees_storage(&self, cloud: &Cloud, node: &Node) -> bool {
        cloud.machine_up(&node.machine)
            && cloud.admits(&node.machine, node.interface.as_deref(), Flow::Out(STORAGE_PORT))
            && cloud.machine(&node.machine).is_some_and(|machine| self.storage.serves(cloud, &machine))
    }

    /// The nodes that work on the queue, or hold it without working.
    pub(crate) fn actives<'a>(&'a self, cloud: &'a Cloud) -> impl Iterator<Item = &'a str> {
        let active = |node: &Node| node.processing && self.sees_storage(cloud, node);
        self.nodes.iter().filter(move |(_, node)| active(node)).map(|(name, _)| name.as_str())
    }

    /// The node of this cluster on a machine.
    pub(crate) fn node_on(&self, machine: &str) -> Option<(&str, &Node)> {
        self.nodes.iter().find(|(_, node)| node.machine == machine).map(|(name, node)| (name.as_str(), node))
    }

    /// Adds the time from `from` until `until`, in which nothing changes.
    pub(crate) fn measure(&mut self, cloud: &Cloud, from: Timestamp, until: Timestamp) {
        let length = super::millis_between(from, until);
        let active: Vec<String> = self.actives(cloud).map(str::to_owned).collect();
        if active.len() > 1 {
            self.two_actives_ms += length;
        }
        for name in active {
            let Some(node) = self.nodes.get_mut(&name).filter(|node| node.process == Process::Running) else {
                continue;
            };
            node.worked += length * u64::from(self.processes_per_second);
            let able = node.worked / 1000;
            let done = able.min(self.queue.accepted().saturating_sub(node.position));
            // What it had time for and nothing to do with is gone.
            node.worked = if done < able { 0 } else { node.worked % 1000 };
            self.queue.deliver(node.position, done);
            node.position += done;
        }
    }
}
