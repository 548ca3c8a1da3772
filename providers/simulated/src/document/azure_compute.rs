//! Virtual machines of Azure, as an operator writes them. Says nothing of what they answer.

use lifeboat_contract::Span;
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
    /// Its size. Default `Standard_D2s_v5`.
    #[serde(default = "default_size")]
    pub size: String,
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
    /// How many times the platform finds room for it when it starts from `deallocated`; after that a start fails with
    /// `ZonalAllocationFailed`, or `AllocationFailed` without a zone. Default: always.
    #[serde(default)]
    pub available: Option<u32>,
    /// From this moment on, counted from the world's start, there is room for it again.
    #[serde(default)]
    pub available_again: Option<Span>,
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

fn default_size() -> String {
    "Standard_D2s_v5".to_owned()
}
