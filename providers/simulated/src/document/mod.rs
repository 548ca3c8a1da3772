//! The world as an operator writes it: the types behind a world's YAML, and their JSON Schema.
//!
//! A document may be wrong: `build` checks it. No module here reads text or decides what a field means for the simulation.

mod accelerator;
mod azure;
mod azure_authorization;
mod azure_compute;
mod azure_network;
mod azure_storage;
mod azure_trafficmanager;
mod database;
mod engine;
mod events;
mod iam;
mod load_balancer;
mod network;
mod scaling;
mod standing;
mod storage;
mod traffic;

pub use accelerator::{AcceleratorDocument, EndpointDocument, EndpointGroupDocument, GlobalListenerDocument};
pub use azure::{AzureDocument, AzureOptionsDocument, ResourceGroupDocument};
pub use azure_authorization::{
    AzureAuthorizationDocument, AzurePrincipalDocument, RoleAssignmentDocument, RoleDefinitionDocument,
};
pub use azure_compute::{PowerStateDocument, VirtualMachineDocument};
pub use azure_network::{
    AdminStateDocument, AzureLoadBalancerDocument, AzureRouteDocument, AzureRouteTableDocument,
    AzureSecurityGroupDocument, AzureSecurityRuleDocument, AzureSubnetDocument, BackendAddressDocument,
    BackendPoolDocument, FrontendDocument, IpConfigurationDocument, LoadBalancerProbeDocument,
    LoadBalancingRuleDocument, NetworkInterfaceDocument, NextHopTypeDocument, ProbeProtocolDocument,
    RuleAccessDocument, RuleDirectionDocument, RuleProtocolDocument, VirtualNetworkDocument,
};
pub use azure_storage::{FileShareDocument, ShareProtocolDocument, StorageAccountDocument};
pub use azure_trafficmanager::{
    EnabledDocument, EndpointKindDocument, MonitorDocument, MonitorProtocolDocument, RoutingMethodDocument,
    TrafficManagerEndpointDocument, TrafficManagerProfileDocument,
};
pub use database::{
    DbClusterDocument, DbInstanceDocument, DbMemberDocument, FailoverDocument, FencingDocument, GlobalClusterDocument,
    SwitchoverDocument,
};
pub use engine::{EngineDocument, EngineNodeDocument, EngineStorageDocument, SenderDocument};
pub use events::{FaultDocument, FaultMatch, IncidentDocument, PlanesDocument, RejectDocument, TimeOutDocument};
pub use iam::{
    EffectDocument, IamDocument, IamRoleDocument, IamUserDocument, PolicyDocument, StatementDocument, TextsDocument,
};
pub(crate) use load_balancer::thirteen_months;
pub use load_balancer::{
    CertificateDocument, HealthCheckDocument, ListenerDocument, LoadBalancerDocument, LoadBalancerKindDocument,
    TargetDocument, TargetGroupDocument, WeightedGroupDocument,
};
pub use network::{
    CapacityDocument, Ec2OptionsDocument, InstanceDocument, InstanceStateDocument, InterfaceDocument, RouteDocument,
    RouteTableDocument, SecurityGroupDocument, SecurityRuleDocument, SubnetDocument, VpcDocument,
};
pub use scaling::{AutoscalingGroupDocument, EksClusterDocument, NodegroupDocument};
pub use standing::{ReplicaStatusDocument, ReplicationGroupDocument, SecretDocument};
pub use storage::{FileSystemDocument, LifeCycleStateDocument, MountTargetDocument};
pub use traffic::{
    ApplicationDocument, ClientDocument, HostDocument, NeedsDocument, PathDocument, PingDocument, VantageDocument,
};

use jiff::Timestamp;
use lifeboat_contract::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A simulated world: resources, what runs on them, who uses them, and what goes wrong.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorldDocument {
    /// The format's version: 1.
    pub world: u32,
    /// The world's name, for people.
    pub name: String,
    /// The moment at which the world starts: `2026-01-15T09:00:00Z`.
    #[schemars(with = "String")]
    pub start: Timestamp,
    /// Where all chance in this world comes from: the same seed gives the same run, byte for byte.
    #[serde(default = "one")]
    pub seed: u64,
    /// The twelve digits of the AWS account that owns everything here, quoted. A world with `azure` alone has none.
    #[serde(default)]
    pub account: String,
    /// How long answers take.
    #[serde(default)]
    pub latency: LatencyDocument,
    /// Where the requests of an operator (checks, `curl`) enter the network.
    #[serde(default)]
    pub vantage: VantageDocument,
    /// Everything that belongs to AWS.
    #[serde(default)]
    pub aws: AwsDocument,
    /// Everything that belongs to Azure.
    #[serde(default)]
    pub azure: Option<AzureDocument>,
    /// Host names and what they lead to. Accelerators, load balancers and databases have names of their own besides.
    #[serde(default)]
    pub hosts: BTreeMap<String, HostDocument>,
    /// What runs on instances.
    #[serde(default)]
    pub applications: BTreeMap<String, ApplicationDocument>,
    /// Clients that send requests at a steady rate.
    #[serde(default)]
    pub clients: BTreeMap<String, ClientDocument>,
    /// Clusters of an integration engine.
    #[serde(default)]
    pub engines: BTreeMap<String, EngineDocument>,
    /// Clients that send numbered messages to such a cluster.
    #[serde(default)]
    pub senders: BTreeMap<String, SenderDocument>,
    /// Clients that send a packet to an address at each interval.
    #[serde(default)]
    pub pings: BTreeMap<String, PingDocument>,
    /// What must never come to pass, each a condition in CEL over `cluster`, `database`, `client` and `figures`, as in
    /// `cluster.wk1.actives > 1`. A rehearsal looks at them at every moment at which something happens.
    #[serde(default)]
    pub never: Vec<String>,
    /// What happens by itself, and when. In any order.
    #[serde(default)]
    pub incident: Vec<IncidentDocument>,
    /// What happens when it is asked for, by a name of its own (`--incident NAME`). Times are counted from then.
    #[serde(default)]
    pub incidents: BTreeMap<String, Vec<IncidentDocument>>,
    /// How calls go wrong. A call meets every fault that matches it.
    #[serde(default)]
    pub faults: Vec<FaultDocument>,
}

/// How long answers take, where no fault delays them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatencyDocument {
    /// An answer of a cloud's API. Default 40ms.
    #[serde(default = "api_latency")]
    pub api: Span,
    /// An answer of an application, and the opening of a connection. Default 5ms.
    #[serde(default = "data_latency")]
    pub data: Span,
}

impl Default for LatencyDocument {
    fn default() -> Self {
        Self { api: api_latency(), data: data_latency() }
    }
}

/// Regions, and what spans several of them.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsDocument {
    /// What stands in each region, by the region's name.
    #[serde(default)]
    pub regions: BTreeMap<String, RegionDocument>,
    /// Aurora global clusters, by identifier.
    #[serde(default)]
    pub global_clusters: BTreeMap<String, GlobalClusterDocument>,
    /// Global accelerators, by the id in their ARN.
    #[serde(default)]
    pub accelerators: BTreeMap<String, AcceleratorDocument>,
    /// Who may do what. Without it, everybody may do everything.
    #[serde(default)]
    pub iam: Option<IamDocument>,
}

/// What stands in one region.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionDocument {
    /// How EC2 behaves here.
    #[serde(default)]
    pub ec2: Ec2OptionsDocument,
    /// Virtual networks, by id (`vpc-…`).
    #[serde(default)]
    pub vpcs: BTreeMap<String, VpcDocument>,
    /// Instances, by id (`i-…`).
    #[serde(default)]
    pub instances: BTreeMap<String, InstanceDocument>,
    /// Load balancers, by name.
    #[serde(default)]
    pub load_balancers: BTreeMap<String, LoadBalancerDocument>,
    /// Target groups, by name.
    #[serde(default)]
    pub target_groups: BTreeMap<String, TargetGroupDocument>,
    /// Groups of Auto Scaling, by name.
    #[serde(default)]
    pub autoscaling_groups: BTreeMap<String, AutoscalingGroupDocument>,
    /// EKS clusters, by name.
    #[serde(default)]
    pub eks_clusters: BTreeMap<String, EksClusterDocument>,
    /// EFS file systems, by id (`fs-…`).
    #[serde(default)]
    pub file_systems: BTreeMap<String, FileSystemDocument>,
    /// Database clusters, by identifier.
    #[serde(default)]
    pub db_clusters: BTreeMap<String, DbClusterDocument>,
    /// Replication groups of `ElastiCache`, by identifier.
    #[serde(default)]
    pub replication_groups: BTreeMap<String, ReplicationGroupDocument>,
    /// Secrets whose primary is here, by name. They have no values.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretDocument>,
    /// Quotas of the account, by service and code: `ec2: { L-1216C47A: 64 }`.
    #[serde(default)]
    pub quotas: BTreeMap<String, BTreeMap<String, u32>>,
}

fn one() -> u64 {
    1
}

fn api_latency() -> Span {
    Span(std::time::Duration::from_millis(40))
}

fn data_latency() -> Span {
    Span(std::time::Duration::from_millis(5))
}
