//! Hosts, applications and clients, as an operator writes them. Says nothing of what is measured.

use lifeboat_contract::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, net::Ipv4Addr};

/// Where an operator's own requests come from.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VantageDocument {
    /// The region an accelerator takes them to be closest to. Default: the first region of the world.
    #[serde(default)]
    pub region: Option<String>,
    /// The subnet whose routes they follow to a private address; of Azure, as `GROUP/NETWORK/SUBNET`. Without it, private addresses can't be reached.
    #[serde(default)]
    pub subnet: Option<String>,
}

/// What a host name leads to: exactly one of these.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostDocument {
    /// An accelerator's id.
    #[serde(default)]
    pub accelerator: Option<String>,
    /// A load balancer, as `REGION/NAME`; of Azure, a frontend, as `GROUP/LOAD_BALANCER/FRONTEND`.
    #[serde(default)]
    pub load_balancer: Option<String>,
    /// An instance's id: the way in for checks that look at one server.
    #[serde(default)]
    pub instance: Option<String>,
    /// A Traffic Manager profile, as `NAME` or `GROUP/NAME`: a name of one's own for it.
    #[serde(default)]
    pub traffic_manager: Option<String>,
    /// An address, reached by the routes of the subnet in `vantage`.
    #[serde(default)]
    pub address: Option<Ipv4Addr>,
}

/// What runs on instances.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationDocument {
    /// The ports it listens on. Default 80 and 443.
    #[serde(default = "web_ports")]
    pub ports: Vec<u16>,
    /// How many requests each of its instances can answer in a second. Of what clients send beyond it, each instance fails the
    /// same part of everybody's with 503. Default: no limit.
    #[serde(default)]
    pub requests_per_second: Option<f64>,
    /// The global cluster it keeps its data in.
    #[serde(default)]
    pub database: Option<String>,
    /// What it answers, by path. Any other path is answered with 404.
    pub paths: BTreeMap<String, PathDocument>,
}

/// What an application answers on one path.
///
/// The body is JSON: `region`, `site`, `instance`, `application`, `path`, `status`, with a database `writable` (whether the
/// application can write to it now), and what `json` adds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathDocument {
    /// The status while all it needs is there. Default 200.
    #[serde(default = "ok")]
    pub status: u16,
    /// What it needs of the database. Default `nothing`.
    #[serde(default)]
    pub needs: NeedsDocument,
    /// The status when what it needs is not there. Default 503.
    #[serde(default = "unavailable")]
    pub otherwise: u16,
    /// Further members of the body.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub json: BTreeMap<String, serde_json::Value>,
    /// A page instead of the JSON body. `{site}`, `{instance}` and `{region}` stand for what served it.
    #[serde(default)]
    pub text: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NeedsDocument {
    /// Answers without the database.
    #[default]
    Nothing,
    /// Needs a cluster in its own region to read from.
    Reader,
    /// Needs a cluster that takes writes and can be reached: the one in its own region, or the global writer in another.
    Writer,
    /// Needs the cluster in its own region to take writes.
    LocalWriter,
}

/// A crowd that sends requests at a steady rate.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientDocument {
    /// The host it asks.
    pub host: String,
    /// Default 443.
    #[serde(default = "https_port")]
    pub port: u16,
    /// Default `/`.
    #[serde(default = "root")]
    pub path: String,
    /// The region an accelerator takes it to be closest to. Default: that of `vantage`.
    #[serde(default)]
    pub region: Option<String>,
    /// Requests in a second. Default 1.
    #[serde(default = "one")]
    pub requests_per_second: f64,
    /// Every request that is answered with success is a write to the application's database.
    #[serde(default)]
    pub writes: bool,
}

/// Sends a packet to an address at each interval, from the start of the world.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PingDocument {
    /// The instance that sends: it must run, and its primary interface's subnet has the routes.
    pub from: String,
    /// The address it pings.
    pub to: Ipv4Addr,
    /// Default 1s.
    #[serde(default = "second")]
    pub interval: Span,
}

fn web_ports() -> Vec<u16> {
    vec![80, 443]
}
fn ok() -> u16 {
    200
}
fn unavailable() -> u16 {
    503
}
fn https_port() -> u16 {
    443
}
fn root() -> String {
    "/".to_owned()
}
fn one() -> f64 {
    1.0
}
fn second() -> Span {
    Span::secs(1)
}
