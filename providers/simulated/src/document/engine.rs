//! Integration engines and those who send them messages, as an operator writes them. Says nothing of how they behave.

use lifeboat_contract::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A cluster of an integration engine: several nodes, one of which has the queues on a storage that they share.
///
/// Nodes listen for MLLP while they process, and answer HTTP at `/healthz`, `/active` and `POST /owner` with `{"owner": "NODE"}`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineDocument {
    /// The nodes, by name.
    pub nodes: BTreeMap<String, EngineNodeDocument>,
    /// The node that has the queues at the start.
    pub owner: String,
    /// Where the queues and the record of their owner are.
    pub storage: EngineStorageDocument,
    /// Default 2575.
    #[serde(default = "mllp_port")]
    pub mllp_port: u16,
    /// Default 8080.
    #[serde(default = "http_port")]
    pub http_port: u16,
    /// How often a node leaves its heartbeat on the storage, and looks who has the queues. Default 1s.
    #[serde(default = "second")]
    pub heartbeat: Span,
    /// A new owner waits until the former one says that it has let go, or its heartbeat is this old. Default 5s.
    #[serde(default = "five_seconds")]
    pub takeover_after: Span,
    /// Messages that a node takes from the queue in a second. Default 50.
    #[serde(default = "fifty")]
    pub processes_per_second: u32,
    /// Messages that a node whose process was held up takes, from where it was, before it looks again who has the queues. Default 10.
    #[serde(default = "ten")]
    pub prefetch: u32,
    /// How long after its acknowledgement a message is stored. Default 0s: it is acknowledged once it is stored.
    #[serde(default)]
    pub stored_within: Span,
}

/// One node of a cluster.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineNodeDocument {
    /// The machine it runs on: an EC2 instance's id, or the name of an Azure virtual machine.
    pub machine: String,
    /// The interface it uses, for its clients and for the storage. Default: the machine's primary one.
    #[serde(default)]
    pub interface: Option<String>,
}

/// A storage that all nodes share: exactly one of these.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineStorageDocument {
    /// An EFS file system, as `REGION/ID`.
    #[serde(default)]
    pub efs: Option<String>,
    /// An Azure file share, as `GROUP/ACCOUNT/SHARE`.
    #[serde(default)]
    pub file_share: Option<String>,
}

/// Sends numbered MLLP messages, one at each interval, and repeats each until it is acknowledged.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SenderDocument {
    /// The host it sends to.
    pub host: String,
    /// Default 2575.
    #[serde(default = "mllp_port")]
    pub port: u16,
    /// Default 1s.
    #[serde(default = "second")]
    pub interval: Span,
    /// The cluster it sends to: what that one has lost is counted.
    pub engine: String,
}

fn mllp_port() -> u16 {
    2575
}
fn http_port() -> u16 {
    8080
}
fn second() -> Span {
    Span::secs(1)
}
fn five_seconds() -> Span {
    Span::secs(5)
}
fn fifty() -> u32 {
    50
}
fn ten() -> u32 {
    10
}
