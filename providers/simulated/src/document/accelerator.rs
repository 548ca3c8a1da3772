//! Global accelerators, as an operator writes them. Says nothing of how they route.

use lifeboat_contract::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, net::Ipv4Addr};

/// A global accelerator.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceleratorDocument {
    pub name: String,
    /// Its host name. Default: derived from its id.
    #[serde(default)]
    pub dns_name: Option<String>,
    /// Its two static addresses. Default: derived from its id.
    #[serde(default)]
    pub addresses: Vec<Ipv4Addr>,
    /// How long a change takes until it is deployed and traffic follows it. Default 15s.
    #[serde(default = "deploy_time")]
    pub deploy_time: Span,
    /// How long after a change the accelerator's status still reads `DEPLOYED`. Default 0s.
    #[serde(default)]
    pub status_lag: Span,
    /// How long it takes to notice that an endpoint's health has changed. Default 30s.
    #[serde(default = "health_time")]
    pub health_time: Span,
    /// Its listeners, by the id in their ARN.
    #[serde(default)]
    pub listeners: BTreeMap<String, GlobalListenerDocument>,
}

/// A listener of an accelerator.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalListenerDocument {
    /// The ports it listens on.
    pub ports: Vec<u16>,
    /// Its endpoint groups, by the id in their ARN; one in a region.
    #[serde(default)]
    pub endpoint_groups: BTreeMap<String, EndpointGroupDocument>,
}

/// The endpoints of one region.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointGroupDocument {
    pub region: String,
    /// The share, in percent, of the traffic attracted to this group that it takes. Default 100.
    #[serde(default = "full")]
    pub dial: f32,
    #[serde(default)]
    pub endpoints: Vec<EndpointDocument>,
}

/// One endpoint.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointDocument {
    /// The name of a load balancer in the group's region.
    pub load_balancer: String,
    /// 0 to 255; 0 takes it out. Default 128.
    #[serde(default = "weight")]
    pub weight: u32,
}

fn deploy_time() -> Span {
    Span::secs(15)
}
fn health_time() -> Span {
    Span::secs(30)
}
fn full() -> f32 {
    100.0
}
fn weight() -> u32 {
    128
}
