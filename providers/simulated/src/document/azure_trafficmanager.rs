//! Traffic Manager profiles, as an operator writes them. Says nothing of how they answer.

use lifeboat_contract::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A Traffic Manager profile. Answers queries for `DNS_NAME.trafficmanager.net`, and for hosts that lead to it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficManagerProfileDocument {
    /// The first label of its name. Default: the profile's own name.
    #[serde(default)]
    pub dns_name: Option<String>,
    /// Whether it answers at all. Default `enabled`.
    #[serde(default)]
    pub status: EnabledDocument,
    /// How it chooses among its endpoints. Default `priority`.
    #[serde(default)]
    pub method: RoutingMethodDocument,
    /// How long clients keep an answer. Default 60s.
    #[serde(default = "minute")]
    pub ttl: Span,
    /// What it asks its endpoints.
    #[serde(default)]
    pub monitor: MonitorDocument,
    /// Its endpoints, by name.
    #[serde(default)]
    pub endpoints: BTreeMap<String, TrafficManagerEndpointDocument>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnabledDocument {
    #[default]
    Enabled,
    Disabled,
}

/// The methods of the real service. The simulated one has the first two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoutingMethodDocument {
    #[default]
    Priority,
    Weighted,
    Performance,
    Geographic,
    Multivalue,
    Subnet,
}

/// What a profile asks its endpoints, and how often.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorDocument {
    /// Default `https`.
    pub protocol: MonitorProtocolDocument,
    /// Default 443.
    pub port: u16,
    /// Default `/`. A monitor that speaks TCP has none.
    pub path: Option<String>,
    /// 10s or 30s. Default 30s.
    pub interval: Span,
    /// 5s to 10s, and shorter than the interval. Default 10s, or 9s where the interval is 10s.
    pub timeout: Option<Span>,
    /// How many failures in a row are tolerated: one more, and the endpoint is degraded. 0 to 9, default 3.
    pub tolerated_failures: u32,
    /// The statuses that pass, as `200` or `200-299`. Default: 200 alone.
    pub expected_statuses: Vec<String>,
}

impl Default for MonitorDocument {
    fn default() -> Self {
        Self {
            protocol: MonitorProtocolDocument::Https,
            port: 443,
            path: None,
            interval: Span::secs(30),
            timeout: None,
            tolerated_failures: 3,
            expected_statuses: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MonitorProtocolDocument {
    Http,
    #[default]
    Https,
    Tcp,
}

/// One endpoint.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficManagerEndpointDocument {
    /// Default `external`.
    #[serde(default, rename = "type")]
    pub kind: EndpointKindDocument,
    /// A host of this world; for a nested endpoint, a profile as `NAME` or `GROUP/NAME`.
    pub target: String,
    /// The id of the Azure resource behind an endpoint of type `azure`, where its host name is `target`.
    #[serde(default)]
    pub target_resource_id: Option<String>,
    /// Default `enabled`.
    #[serde(default)]
    pub status: EnabledDocument,
    /// 1 to 1000. Default 1.
    #[serde(default)]
    pub weight: Option<u32>,
    /// 1 to 1000; the least one is the first choice, and no two are equal. Default: the least that is free.
    #[serde(default)]
    pub priority: Option<u32>,
    /// Never asked, and always taken for healthy.
    #[serde(default)]
    pub always_serve: bool,
    /// Its region: of no effect with the methods that are simulated.
    #[serde(default)]
    pub location: Option<String>,
    /// How many endpoints of a nested profile must be healthy. Default 1.
    #[serde(default)]
    pub min_child_endpoints: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointKindDocument {
    Azure,
    #[default]
    External,
    Nested,
}

fn minute() -> Span {
    Span::secs(60)
}
