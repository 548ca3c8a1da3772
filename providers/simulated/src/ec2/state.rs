//! What one region of EC2 holds. Says nothing of how it changes.

use super::{capacity::Capacity, visibility::Earlier};
use jiff::Timestamp;
use lifeboat_contract::Span;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

/// One region. All maps are by id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ec2 {
    pub(crate) options: Options,
    pub(crate) vpcs: BTreeMap<String, Vpc>,
    pub(crate) subnets: BTreeMap<String, Subnet>,
    pub(crate) route_tables: BTreeMap<String, RouteTable>,
    pub(crate) interfaces: BTreeMap<String, NetworkInterface>,
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) security_groups: BTreeMap<String, SecurityGroup>,
    pub(crate) internet_gateways: BTreeMap<String, InternetGateway>,
    /// Tags of any resource here, by its id.
    pub(crate) tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Route targets that exist outside the simulation: NAT and transit gateways, endpoints, peerings. A route's target stays
    /// here after the route is gone, so that it can be restored.
    pub(crate) elsewhere: BTreeSet<String>,
    /// What a client token created, so that a repeated call creates nothing twice.
    pub(crate) tokens: BTreeMap<String, Vec<String>>,
    /// How many ids were given out.
    pub(crate) created: u64,
    /// What is left of the capacity for instances. Where nothing is said, there is always enough.
    pub(crate) capacity: Vec<Capacity>,
    /// What descriptions still show of changed resources.
    pub(crate) earlier: Vec<Earlier>,
}

/// How this region behaves where real ones differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Options {
    /// How long descriptions of route tables, interfaces and instances show what was before a change.
    pub(crate) visible_after: Span,
    /// The types of instance that the region does not offer.
    #[serde(default)]
    pub(crate) not_offered: Vec<String>,
    /// Whether a route to an interface of a stopped instance is a black hole. Reports differ.
    pub(crate) stopped_instance_route_blackhole: bool,
    /// From `pending` to `running`.
    pub(crate) start: Span,
    /// From `stopping` to `stopped`.
    pub(crate) stop: Span,
    /// From `shutting-down` to `terminated`.
    pub(crate) terminate: Span,
    /// From `running` until both status checks are `ok`.
    pub(crate) checks: Span,
    /// From `attaching` to `attached`, and from `detaching` to detached.
    pub(crate) attach: Span,
    /// How long a terminated instance is still described.
    pub(crate) remember: Span,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            not_offered: Vec::new(),
            visible_after: Span::secs(0),
            stopped_instance_route_blackhole: true,
            start: Span::secs(20),
            stop: Span::secs(30),
            terminate: Span::secs(20),
            checks: Span::secs(60),
            attach: Span::secs(1),
            remember: Span::secs(3600),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    pub(crate) cidr: String,
    pub(crate) tenancy: String,
    pub(crate) dns_support: bool,
    pub(crate) dns_hostnames: bool,
    pub(crate) address_usage_metrics: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) cidr: String,
    pub(crate) zone: String,
    pub(crate) map_public_ip: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RouteTable {
    pub(crate) id: String,
    pub(crate) vpc: String,
    /// By association id.
    pub(crate) associations: BTreeMap<String, Association>,
    /// In the order in which they came, the local route first. A propagated route may stand beside a static one, which wins.
    pub(crate) routes: Vec<Route>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Association {
    /// Serves every subnet of the network that no other table names.
    Main,
    Subnet(String),
    /// Traffic that enters the network through this gateway.
    Gateway(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Route {
    /// A range in canonical form, of either version, or a prefix list's id.
    pub(crate) destination: String,
    pub(crate) target: RouteTarget,
    pub(crate) origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RouteTarget {
    Local,
    Interface(String),
    /// An internet or virtual private gateway, or a gateway load balancer's endpoint.
    Gateway(String),
    NatGateway(String),
    TransitGateway(String),
    Peering(String),
    EgressOnlyGateway(String),
    LocalGateway(String),
    CarrierGateway(String),
    CoreNetwork(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// The local route.
    Table,
    /// A call made it.
    Call,
    /// A virtual private gateway announced it.
    Propagated,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct NetworkInterface {
    pub(crate) id: String,
    pub(crate) subnet: String,
    pub(crate) description: String,
    /// The first one is the primary address.
    pub(crate) private_ips: Vec<Ipv4Addr>,
    pub(crate) groups: Vec<String>,
    pub(crate) source_dest_check: bool,
    pub(crate) attachment: Option<Attachment>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) id: String,
    pub(crate) instance: String,
    pub(crate) device_index: u32,
    pub(crate) delete_on_termination: bool,
    pub(crate) attached_at: Timestamp,
    pub(crate) status: AttachmentStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AttachmentStatus {
    Attaching { until: Timestamp },
    Attached,
    Detaching { until: Timestamp },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "`instance_type` is the provider's own name, and `type` is a keyword")]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) state: InstanceState,
    /// The state it is on its way to.
    pub(crate) change: Option<StateChange>,
    /// Code and message of why it is in this state.
    pub(crate) state_reason: Option<(String, String)>,
    /// Why it last changed its state, in the service's words.
    pub(crate) transition_reason: String,
    /// When both status checks are `ok`, if it keeps running.
    pub(crate) checked_at: Timestamp,
    pub(crate) subnet: String,
    pub(crate) image: String,
    pub(crate) instance_type: String,
    pub(crate) reservation: String,
    pub(crate) launch_index: u32,
    pub(crate) launched: Timestamp,
    pub(crate) client_token: String,
    pub(crate) key_name: Option<String>,
    pub(crate) user_data: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) shutdown_behavior: String,
    pub(crate) disable_api_termination: bool,
    pub(crate) disable_api_stop: bool,
    pub(crate) ebs_optimized: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StateChange {
    /// `Terminated` from `Terminated`: it is forgotten.
    pub(crate) to: InstanceState,
    pub(crate) at: Timestamp,
    /// Why, where it is not what was asked for.
    pub(crate) reason: Option<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl InstanceState {
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

/// A security group. The simulation lets all traffic through; groups are there to be described.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SecurityGroup {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// By rule id.
    pub(crate) rules: BTreeMap<String, SecurityRule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SecurityRule {
    pub(crate) egress: bool,
    /// `tcp`, `udp`, `icmp`, a number, or `-1` for all.
    pub(crate) protocol: String,
    pub(crate) from_port: Option<i64>,
    pub(crate) to_port: Option<i64>,
    /// A range of either version, a prefix list's id or a security group's id.
    pub(crate) peer: String,
    pub(crate) description: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct InternetGateway {
    pub(crate) id: String,
    pub(crate) vpc: Option<String>,
}
