//! Virtual machines, Traffic Manager profiles and storage accounts of Azure, as an operator writes them.

use schemars::JsonSchema;
use serde::Deserialize;
use std::net::Ipv4Addr;

/// A virtual machine.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VirtualMachineDocument {
    /// Its region. Default: the resource group's.
    #[serde(default)]
    pub location: Option<String>,
    /// Its availability zone: `"1"`. Default: none.
    #[serde(default)]
    pub zone: Option<String>,
    /// Whether it runs at the start. Default `running`.
    #[serde(default)]
    pub state: PowerStateDocument,
    /// Its network interfaces of the same resource group, the primary one first.
    pub interfaces: Vec<String>,
    /// The site it belongs to, in the figures and in what its application answers. Default: its region.
    #[serde(default)]
    pub site: Option<String>,
    /// The application that runs on it.
    #[serde(default)]
    pub application: Option<String>,
    /// Addresses that its operating system owns besides those of its interfaces: the overlay address, for example.
    #[serde(default)]
    pub addresses: Vec<Ipv4Addr>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PowerStateDocument {
    #[default]
    Running,
    /// Stopped and not billed.
    Deallocated,
    /// Stopped, and still allocated.
    Stopped,
}

/// A Traffic Manager profile.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficManagerProfileDocument {}

/// A storage account with file shares.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileAccountDocument {}
