//! Networks, interfaces, security groups and load balancers of Azure, as an operator writes them. Says nothing of machines.

use lifeboat_contract::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, net::Ipv4Addr};

/// A virtual network.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VirtualNetworkDocument {
    /// Its region. Default: the resource group's.
    #[serde(default)]
    pub location: Option<String>,
    /// Its ranges: `[10.1.0.0/16]`.
    pub address_space: Vec<String>,
    /// Subnets, by name.
    #[serde(default)]
    pub subnets: BTreeMap<String, AzureSubnetDocument>,
    /// The networks, as `GROUP/NET`, or the name of one in the same group, that it is peered with. A peering is mutual and
    /// lets forwarded traffic through.
    #[serde(default)]
    pub peerings: Vec<String>,
}

/// A subnet.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureSubnetDocument {
    /// Its range, inside the network's.
    pub prefix: String,
    /// The route table of the same resource group that serves it.
    #[serde(default)]
    pub route_table: Option<String>,
    /// The security group of the same resource group that guards it.
    #[serde(default)]
    pub security_group: Option<String>,
}

/// A route table.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureRouteTableDocument {
    /// Its region. Default: the resource group's.
    #[serde(default)]
    pub location: Option<String>,
    /// User-defined routes, by name.
    #[serde(default)]
    pub routes: BTreeMap<String, AzureRouteDocument>,
}

/// A user-defined route.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureRouteDocument {
    /// The destination's range: `192.168.10.10/32`.
    pub prefix: String,
    /// The address of a virtual appliance.
    #[serde(default)]
    pub next_hop: Option<Ipv4Addr>,
    /// Default `virtual_appliance`.
    #[serde(default)]
    pub next_hop_type: NextHopTypeDocument,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NextHopTypeDocument {
    #[default]
    VirtualAppliance,
    /// Delivered inside the network.
    VnetLocal,
    VirtualNetworkGateway,
    Internet,
    /// Dropped.
    None,
}

/// A network interface.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkInterfaceDocument {
    /// Its region. Default: the resource group's.
    #[serde(default)]
    pub location: Option<String>,
    /// Whether it takes and sends packets that are not for its own addresses.
    #[serde(default)]
    pub ip_forwarding: bool,
    /// The security group of the same resource group that guards it.
    #[serde(default)]
    pub security_group: Option<String>,
    /// Its addresses, by the name of the configuration.
    pub ip_configurations: BTreeMap<String, IpConfigurationDocument>,
}

/// One address of a network interface.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IpConfigurationDocument {
    /// The subnet, as `NET/SUBNET` of the same resource group.
    pub subnet: String,
    pub private_ip: Ipv4Addr,
    /// The one that the interface stands for. Default: the first one.
    #[serde(default)]
    pub primary: bool,
}

/// A network security group. Azure's own default rules come after its own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureSecurityGroupDocument {
    /// Its region. Default: the resource group's.
    #[serde(default)]
    pub location: Option<String>,
    /// Rules, by name.
    #[serde(default)]
    pub rules: BTreeMap<String, AzureSecurityRuleDocument>,
}

/// One rule. Of all that match a connection, the one with the lowest priority decides.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureSecurityRuleDocument {
    /// From 100 to 4096.
    pub priority: u32,
    pub direction: RuleDirectionDocument,
    pub access: RuleAccessDocument,
    /// `tcp`, `udp`, `icmp` or `*`. Default `*`.
    #[serde(default = "any")]
    pub protocol: String,
    /// A range, `*`, or a tag: `VirtualNetwork`, `AzureLoadBalancer`, `Internet`. Default `*`.
    #[serde(default = "any")]
    pub source: String,
    /// As `source`.
    #[serde(default = "any")]
    pub destination: String,
    /// Destination ports: `"2575"`, `"8000-8080"` or `"*"`. Default all.
    #[serde(default = "any_ports")]
    pub ports: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleDirectionDocument {
    Inbound,
    Outbound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleAccessDocument {
    Allow,
    Deny,
}

/// A standard load balancer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureLoadBalancerDocument {
    /// Its region. Default: the resource group's.
    #[serde(default)]
    pub location: Option<String>,
    /// Frontends, by name.
    pub frontends: BTreeMap<String, FrontendDocument>,
    /// Backend pools, by name.
    #[serde(default)]
    pub pools: BTreeMap<String, BackendPoolDocument>,
    /// Health probes, by name.
    #[serde(default)]
    pub probes: BTreeMap<String, LoadBalancerProbeDocument>,
    /// Rules, by name.
    #[serde(default)]
    pub rules: BTreeMap<String, LoadBalancingRuleDocument>,
}

/// An internal frontend.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrontendDocument {
    pub private_ip: Ipv4Addr,
    /// The subnet, as `NET/SUBNET` of the same resource group.
    pub subnet: String,
}

/// A backend pool: either of addresses, or of interfaces.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendPoolDocument {
    /// Backend addresses, by name.
    #[serde(default)]
    pub addresses: BTreeMap<String, BackendAddressDocument>,
    /// Members, as `INTERFACE/IP_CONFIGURATION` of the same resource group: their interfaces name the pool.
    #[serde(default)]
    pub interfaces: Vec<String>,
}

/// A backend address.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendAddressDocument {
    pub ip: Ipv4Addr,
    /// What overrides the probe. Default `None`: nothing does.
    #[serde(default)]
    pub admin_state: AdminStateDocument,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum AdminStateDocument {
    /// The probe decides.
    #[default]
    None,
    /// Gets new connections whatever the probe says.
    Up,
    /// Gets no new connections.
    Down,
}

/// A health probe.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancerProbeDocument {
    pub protocol: ProbeProtocolDocument,
    pub port: u16,
    /// What an HTTP probe asks for: 200 is healthy.
    #[serde(default)]
    pub path: Option<String>,
    /// Default 5s.
    #[serde(default = "five_seconds")]
    pub interval: Span,
    /// How many probes in a row change a verdict. Default 1.
    #[serde(default = "one")]
    pub threshold: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeProtocolDocument {
    Tcp,
    Http,
    Https,
}

/// A load-balancing rule.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancingRuleDocument {
    /// The name of a frontend.
    pub frontend: String,
    /// Default `tcp`. With `all`, both ports are 0: the rule takes every port.
    #[serde(default)]
    pub protocol: RuleProtocolDocument,
    pub port: u16,
    /// Default: `port`.
    #[serde(default)]
    pub backend_port: Option<u16>,
    /// The name of a pool.
    pub pool: String,
    /// The name of a probe. Without one, every backend counts as healthy.
    #[serde(default)]
    pub probe: Option<String>,
    /// Packets keep the frontend's address: the backend's operating system must own it.
    #[serde(default)]
    pub floating_ip: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleProtocolDocument {
    #[default]
    Tcp,
    Udp,
    All,
}

fn any() -> String {
    "*".to_owned()
}

fn any_ports() -> Vec<String> {
    vec![any()]
}

fn five_seconds() -> Span {
    Span::secs(5)
}

fn one() -> u32 {
    1
}
