//! Aurora clusters and global clusters, as an operator writes them. Says nothing of their transitions.

use lifeboat_contract::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A database cluster in one region.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbClusterDocument {
    /// Default `aurora-postgresql`.
    #[serde(default = "engine")]
    pub engine: String,
    /// Default `16.6`.
    #[serde(default = "engine_version")]
    pub engine_version: String,
    /// Its instances, by identifier; the first is the cluster's own writer. A cluster without one can't be promoted.
    #[serde(default)]
    pub instances: BTreeMap<String, DbInstanceDocument>,
}

/// One instance of a database cluster.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbInstanceDocument {
    /// Its availability zone. Default: the region's first.
    #[serde(default)]
    pub zone: Option<String>,
    /// Its class. Default `db.r6g.large`.
    #[serde(default)]
    pub class: Option<String>,
}

/// A database that spans regions: one cluster takes the writes, the others follow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalClusterDocument {
    /// Its clusters, at most one in a region.
    pub members: Vec<DbMemberDocument>,
    /// The identifier of the cluster that takes the writes.
    pub writer: String,
    /// How a planned switchover goes.
    #[serde(default)]
    pub switchover: SwitchoverDocument,
    /// How a failover with data loss goes.
    #[serde(default)]
    pub failover: FailoverDocument,
    /// How long a cluster that lost its place takes to follow again. Default 5m.
    #[serde(default = "resync")]
    pub resync: Span,
}

/// One cluster of a global cluster.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbMemberDocument {
    pub region: String,
    /// The cluster's identifier.
    pub cluster: String,
    /// How far it is behind the writer while it follows. Default 500ms.
    #[serde(default = "lag")]
    pub lag: Span,
}

/// The stages of a planned switchover.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchoverDocument {
    /// The status is `pending`; the old writer still takes writes. Default 10s.
    #[serde(default = "ten_seconds")]
    pub pending: Span,
    /// The status is `switching-over`; nobody takes writes. Default 20s.
    #[serde(default = "twenty_seconds")]
    pub blocked: Span,
    /// The new writer takes writes; the status is not `available` yet. Default 5s.
    #[serde(default = "five_seconds")]
    pub settling: Span,
}

impl Default for SwitchoverDocument {
    fn default() -> Self {
        Self { pending: ten_seconds(), blocked: twenty_seconds(), settling: five_seconds() }
    }
}

/// The stages of a failover with data loss.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailoverDocument {
    /// The status is `pending`. Default 5s.
    #[serde(default = "five_seconds")]
    pub pending: Span,
    /// The status is `failing-over`; the target does not take writes yet. Default 60s.
    #[serde(default = "one_minute")]
    pub promoting: Span,
    /// The new writer takes writes; the status is not `available` yet. Default 5s.
    #[serde(default = "five_seconds")]
    pub settling: Span,
    /// Whether the old writer stops taking writes when it can be reached. Default `ok`.
    #[serde(default)]
    pub fencing: FencingDocument,
    /// With `fencing: times_out`, how long the old writer takes writes beside the new one while it can be reached. Default 1m.
    #[serde(default = "one_minute")]
    pub split: Span,
}

impl Default for FailoverDocument {
    fn default() -> Self {
        Self {
            pending: five_seconds(),
            promoting: one_minute(),
            settling: five_seconds(),
            fencing: FencingDocument::default(),
            split: one_minute(),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FencingDocument {
    /// The old writer refuses writes from the failover's start, or from the moment its region is back.
    #[default]
    Ok,
    /// The old writer goes on taking writes: the split brain.
    TimesOut,
}

fn engine() -> String {
    "aurora-postgresql".to_owned()
}
fn engine_version() -> String {
    "16.6".to_owned()
}
fn lag() -> Span {
    Span(std::time::Duration::from_millis(500))
}
fn five_seconds() -> Span {
    Span::secs(5)
}
fn ten_seconds() -> Span {
    Span::secs(10)
}
fn twenty_seconds() -> Span {
    Span::secs(20)
}
fn one_minute() -> Span {
    Span::secs(60)
}
fn resync() -> Span {
    Span::secs(300)
}
