//! Caches and secrets, as an operator writes them: what stands in a region and is only described.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A replication group of `ElastiCache`. No cache runs on it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplicationGroupDocument {
    /// `redis` or `valkey`. Default `valkey`.
    #[serde(default = "engine")]
    pub engine: String,
    /// Default `8.0`.
    #[serde(default = "engine_version")]
    pub engine_version: String,
    /// Default `cache.t4g.small`.
    #[serde(default = "node_type")]
    pub node_type: String,
    /// Default 1.
    #[serde(default = "one")]
    pub shards: u32,
    /// Nodes of each shard, the primary included. Default 1.
    #[serde(default = "one")]
    pub nodes: u32,
    /// Whether it is encrypted, in transit and at rest. Default false.
    #[serde(default)]
    pub encrypted: bool,
    /// The identifier of the global datastore that it belongs to.
    #[serde(default)]
    pub global_datastore: Option<String>,
    /// Whether it only follows another member of that datastore. Default false.
    #[serde(default)]
    pub secondary: bool,
}

/// A secret whose primary is in this region. It has no value.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretDocument {
    /// The regions that it is replicated to, and how each replica is doing.
    #[serde(default)]
    pub replicas: BTreeMap<String, ReplicaStatusDocument>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaStatusDocument {
    InSync,
    InProgress,
    Failed,
}

impl ReplicaStatusDocument {
    /// The service's own word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::InSync => "InSync",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
        }
    }
}

fn engine() -> String {
    "valkey".to_owned()
}
fn engine_version() -> String {
    "8.0".to_owned()
}
fn node_type() -> String {
    "cache.t4g.small".to_owned()
}
fn one() -> u32 {
    1
}
