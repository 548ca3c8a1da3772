//! The simulated Azure Resource Manager: subscriptions, resource groups, and the resource providers behind one wire format.
//!
//! Each service keeps its resources as the JSON that it shows, and beside it what the simulation needs of them. It applies its
//! own transitions when they are due; operations only report on them. Nothing here checks locks, or whether a token is good.

mod arm;
mod authorization;
mod compute;
mod front;
mod groups;
pub(crate) mod network;
mod operations;
mod options;
mod reach;
mod state;
mod storage;
mod trafficmanager;

#[cfg(test)]
mod asked;
#[cfg(test)]
mod tests;

pub(crate) use arm::{ArmCx, ArmError, ArmPath, ArmReply, ArmRequest, ArmResponse};
pub(crate) use authorization::{Assignment, Authorization, Role, is_within};
pub(crate) use compute::{ComputeTimes, Power, Room, VirtualMachine, machine_key};
pub(crate) use front::ArmCall;
pub(crate) use groups::ResourceGroup;
pub(crate) use operations::{NewOperation, Style};
pub(crate) use options::Options;
pub(crate) use reach::is_azure_subnet;
pub(crate) use state::Azure;
pub(crate) use storage::{FileShare, StorageAccount, account_key};
pub(crate) use trafficmanager::{
    Endpoint, EndpointKind, Monitor, MonitorProtocol, Profile, RoutingMethod, profile_key,
};
