//! Groups of Auto Scaling and EKS clusters, as an operator writes them. Says nothing of how they grow.

use lifeboat_contract::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A group of instances that is kept at its desired size.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AutoscalingGroupDocument {
    /// Default 0.
    #[serde(default)]
    pub minimum: u32,
    pub maximum: u32,
    /// How many instances there are at the start, in service. Default: the minimum.
    #[serde(default)]
    pub desired: Option<u32>,
    /// The subnets its instances stand in, spread over their zones.
    pub subnets: Vec<String>,
    /// The names of the target groups in which its instances are registered.
    #[serde(default)]
    pub target_groups: Vec<String>,
    /// The security groups of its instances. Default: the network's default group.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// The application that runs on its instances.
    #[serde(default)]
    pub application: Option<String>,
    /// The site its instances belong to. Default: the region.
    #[serde(default)]
    pub site: Option<String>,
    /// Default `t3.medium`.
    #[serde(default = "usual_type")]
    pub instance_type: String,
    /// How many more instances each of its zones still has. A terminated one comes back. Default: always enough.
    #[serde(default)]
    pub available: Option<u32>,
    /// From the launch of an instance until it is in service. Default 40s.
    #[serde(default = "forty_seconds")]
    pub launch: Span,
    /// How long after a launch failed in every zone the next one is tried. Default 1m.
    #[serde(default = "minute")]
    pub retry: Span,
    /// Processes that are suspended: `Launch`, `Terminate`, `AddToLoadBalancer`, ….
    #[serde(default)]
    pub suspended: Vec<String>,
}

/// An EKS cluster.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EksClusterDocument {
    /// Its version of Kubernetes. Default `1.34`.
    #[serde(default = "version")]
    pub version: String,
    /// Its managed node groups, by name.
    #[serde(default)]
    pub nodegroups: BTreeMap<String, NodegroupDocument>,
}

/// A managed node group. Its machines run nothing that the simulation knows.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodegroupDocument {
    /// Default 0.
    #[serde(default)]
    pub minimum: u32,
    /// At least 1.
    pub maximum: u32,
    /// How many nodes there are at the start. Default: the minimum.
    #[serde(default)]
    pub desired: Option<u32>,
    /// The subnets its nodes stand in, spread over their zones.
    pub subnets: Vec<String>,
    /// Default `t3.medium`.
    #[serde(default = "usual_type")]
    pub instance_type: String,
    /// How many more nodes each of its zones still has. A terminated one comes back. Default: always enough.
    #[serde(default)]
    pub available: Option<u32>,
    /// From the launch of a node until it is in service. Default 1m.
    #[serde(default = "minute")]
    pub launch: Span,
    /// How long after a launch failed in every zone the next one is tried. Default 1m.
    #[serde(default = "minute")]
    pub retry: Span,
    /// How long an update of the node group takes. It does not wait for nodes. Default 15s.
    #[serde(default = "fifteen_seconds")]
    pub update: Span,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

fn usual_type() -> String {
    "t3.medium".to_owned()
}
fn version() -> String {
    "1.34".to_owned()
}
fn fifteen_seconds() -> Span {
    Span::secs(15)
}
fn forty_seconds() -> Span {
    Span::secs(40)
}
fn minute() -> Span {
    Span::secs(60)
}
