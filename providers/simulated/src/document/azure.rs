//! An Azure subscription, as an operator writes it: resource groups and what they hold. Describes no resource itself.

use super::{
    AzureAuthorizationDocument, AzureLoadBalancerDocument, AzureRouteTableDocument, AzureSecurityGroupDocument,
    NetworkInterfaceDocument, StorageAccountDocument, TrafficManagerProfileDocument, VirtualMachineDocument,
    VirtualNetworkDocument,
};
use lifeboat_contract::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One subscription.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureDocument {
    /// The subscription's id.
    pub subscription: String,
    /// The tenant's id.
    #[serde(default)]
    pub tenant: String,
    /// How Azure behaves here.
    #[serde(default)]
    pub options: AzureOptionsDocument,
    /// Resource groups, by name.
    #[serde(default)]
    pub resource_groups: BTreeMap<String, ResourceGroupDocument>,
    /// Who may do what. Without it, everybody may do everything.
    #[serde(default)]
    pub authorization: Option<AzureAuthorizationDocument>,
}

/// A resource group.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceGroupDocument {
    /// The region of the group's metadata, and of all its resources that name none: `eastus`.
    pub location: String,
    /// Virtual networks, by name.
    #[serde(default)]
    pub virtual_networks: BTreeMap<String, VirtualNetworkDocument>,
    /// Route tables, by name.
    #[serde(default)]
    pub route_tables: BTreeMap<String, AzureRouteTableDocument>,
    /// Network interfaces, by name.
    #[serde(default)]
    pub network_interfaces: BTreeMap<String, NetworkInterfaceDocument>,
    /// Virtual machines, by name. A name is there once in a world.
    #[serde(default)]
    pub virtual_machines: BTreeMap<String, VirtualMachineDocument>,
    /// Network security groups, by name.
    #[serde(default)]
    pub security_groups: BTreeMap<String, AzureSecurityGroupDocument>,
    /// Standard load balancers, by name.
    #[serde(default)]
    pub load_balancers: BTreeMap<String, AzureLoadBalancerDocument>,
    /// Traffic Manager profiles, by name.
    #[serde(default)]
    pub traffic_manager_profiles: BTreeMap<String, TrafficManagerProfileDocument>,
    /// Storage accounts, by name.
    #[serde(default)]
    pub storage_accounts: BTreeMap<String, StorageAccountDocument>,
}

/// How Azure behaves, where real ones differ.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureOptionsDocument {
    /// How long a write to a network resource takes until it is provisioned, and has its effect. Default 5s.
    #[serde(default)]
    pub network_write: Option<Span>,
    /// A second write to a network resource, while the first is being provisioned, is refused with 429 `RetryableError`. By
    /// default with 409 `AnotherOperationInProgress`: the real service is seen to do either.
    #[serde(default)]
    pub busy_is_retryable: bool,
    /// How long the effective routes of an interface take to be told. Default 10s.
    #[serde(default)]
    pub effective_routes: Option<Span>,
    /// What `Retry-After` says of a running operation. Default 5s.
    #[serde(default)]
    pub retry_after: Option<Span>,
    /// How long an operation can be asked about after its end. Default 24h.
    #[serde(default)]
    pub operation_kept: Option<Span>,
    /// How long a virtual machine takes to start. Default 40s.
    #[serde(default)]
    pub vm_start: Option<Span>,
    /// How long a virtual machine takes to restart. Default 50s.
    #[serde(default)]
    pub vm_restart: Option<Span>,
    /// How long a virtual machine takes to be powered off. Default 20s.
    #[serde(default)]
    pub vm_power_off: Option<Span>,
    /// How long a virtual machine takes to be deallocated. Default 45s.
    #[serde(default)]
    pub vm_deallocate: Option<Span>,
    /// How long it takes until a start fails for want of capacity. Default 15s.
    #[serde(default)]
    pub vm_refuse: Option<Span>,
}
