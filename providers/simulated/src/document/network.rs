//! Virtual networks and instances, as an operator writes them. Says nothing of what runs on the instances.

use lifeboat_contract::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, net::Ipv4Addr};

/// A virtual network.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VpcDocument {
    /// The network's address range: `10.0.0.0/16`.
    pub cidr: String,
    /// Subnets, by id (`subnet-…`).
    #[serde(default)]
    pub subnets: BTreeMap<String, SubnetDocument>,
    /// Route tables, by id (`rtb-…`). A network without one gets a main table with its local route.
    #[serde(default)]
    pub route_tables: BTreeMap<String, RouteTableDocument>,
    /// Security groups, by id (`sg-…`).
    #[serde(default)]
    pub security_groups: BTreeMap<String, SecurityGroupDocument>,
    /// The id of the attached internet gateway (`igw-…`).
    #[serde(default)]
    pub internet_gateway: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A subnet.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubnetDocument {
    /// Its availability zone: `us-east-1a`.
    pub zone: String,
    /// Its range, inside the network's.
    pub cidr: String,
}

/// A route table. The local route of the network's own range is always there and needs no mention.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteTableDocument {
    /// Serves the subnets that no table names. One table of a network is the main one; by default the first.
    #[serde(default)]
    pub main: bool,
    /// The subnets that are associated with it.
    #[serde(default)]
    pub subnets: Vec<String>,
    /// Its routes besides the local one.
    #[serde(default)]
    pub routes: Vec<RouteDocument>,
}

/// One route.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteDocument {
    /// The destination's range: `192.168.10.10/32`.
    pub destination: String,
    /// The id of what it leads to: `eni-…`, `igw-…`, `vgw-…`, `nat-…`, `tgw-…`, `pcx-…`, `vpce-…`.
    pub target: String,
    /// The route came from a virtual private gateway, not from a call.
    #[serde(default)]
    pub propagated: bool,
}

/// A security group. Without rules of its own it lets everything through, in and out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroupDocument {
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// What may come in. Default: everything. `[]` lets nothing in.
    #[serde(default)]
    pub ingress: Option<Vec<SecurityRuleDocument>>,
    /// What may go out. Default: everything. `[]` lets nothing out.
    #[serde(default)]
    pub egress: Option<Vec<SecurityRuleDocument>>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// TCP to some ports. Who is at the other end is described, and not looked at.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityRuleDocument {
    pub ports: Vec<u16>,
    /// Default `0.0.0.0/0`.
    #[serde(default = "anywhere")]
    pub cidr: String,
}

/// An instance.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceDocument {
    /// The site it belongs to, in the figures and in what its application answers. Default: its region.
    #[serde(default)]
    pub site: Option<String>,
    /// The application that runs on it.
    #[serde(default)]
    pub application: Option<String>,
    /// Its type. Default `t3.medium`.
    #[serde(default = "default_type")]
    pub instance_type: String,
    /// Whether it runs at the start. Default `running`.
    #[serde(default)]
    pub state: InstanceStateDocument,
    /// Its network interfaces, by id (`eni-…`); the first in order of `device_index` is the primary one.
    pub interfaces: BTreeMap<String, InterfaceDocument>,
    /// Addresses that its operating system owns besides those of its interfaces: the overlay address, for example.
    #[serde(default)]
    pub addresses: Vec<Ipv4Addr>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstanceStateDocument {
    #[default]
    Running,
    Stopped,
}

/// A network interface.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InterfaceDocument {
    /// The subnet it stands in.
    pub subnet: String,
    /// Its primary private address.
    pub private_ip: Ipv4Addr,
    /// Its further private addresses.
    #[serde(default)]
    pub secondary_ips: Vec<Ipv4Addr>,
    /// Whether the network drops packets that are not for the interface's own addresses. Default true.
    #[serde(default = "yes")]
    pub source_dest_check: bool,
    /// Its place on the instance. Default 0.
    #[serde(default)]
    pub device_index: u32,
    /// Its security groups.
    #[serde(default)]
    pub security_groups: Vec<String>,
}

fn default_type() -> String {
    "t3.medium".to_owned()
}

fn anywhere() -> String {
    "0.0.0.0/0".to_owned()
}

fn yes() -> bool {
    true
}

/// How EC2 behaves in a region, where real ones differ.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ec2OptionsDocument {
    /// How long descriptions of route tables, interfaces and instances show what was before a change. Default 0s.
    #[serde(default)]
    pub visible_after: Option<Span>,
    /// The types of instance that the region does not offer. It offers all others.
    #[serde(default)]
    pub not_offered: Vec<String>,
    /// Whether a route to an interface of a stopped instance is a black hole. Default true.
    #[serde(default)]
    pub stopped_instance_route_blackhole: Option<bool>,
    /// How long an instance takes to start. Default 20s.
    #[serde(default)]
    pub start: Option<Span>,
    /// What is left of the capacity for instances. Where nothing is said, there is always enough.
    #[serde(default)]
    pub capacity: Vec<CapacityDocument>,
    /// How long an instance takes to stop. Default 30s.
    #[serde(default)]
    pub stop: Option<Span>,
    /// How long after its start both status checks of an instance are `ok`. Default 1m.
    #[serde(default)]
    pub checks: Option<Span>,
}

/// How many more instances of a type a zone can start. What stops or is terminated does not come back: others take its place.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CapacityDocument {
    /// Default: any zone.
    #[serde(default)]
    pub zone: Option<String>,
    /// Default: any type.
    #[serde(default)]
    pub instance_type: Option<String>,
    /// Default 0: none.
    #[serde(default)]
    pub available: u32,
    /// A start beyond that is accepted, and falls back later, instead of being refused.
    #[serde(default)]
    pub falls_back: bool,
}
