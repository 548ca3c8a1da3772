//! EC2 in one region: networks, routes, interfaces, instances, and how they change.
//!
//! Does not forward packets: it says where a packet would go next.

mod account;
mod capacity;
mod contents;
mod filters;
mod gateways;
mod hops;
mod instance_attributes;
mod instance_shape;
mod instances;
mod interfaces;
mod launch;
mod lifecycle;
mod listing;
mod operations;
mod permissions;
mod refused;
mod route_tables;
mod routes;
mod run_instances;
mod security_groups;
mod state;
mod subnets;
mod tags;
mod visibility;
mod vpcs;

#[cfg(test)]
mod tests;

pub(crate) use account::zone_id;
pub(crate) use capacity::{Capacity, insufficient_in};
pub(crate) use hops::Hop;
pub(crate) use launch::Launch;
pub(crate) use state::{
    Association, Attachment, AttachmentStatus, Ec2, Instance, InstanceState, InternetGateway, NetworkInterface,
    Options, Origin, Route, RouteTable, RouteTarget, SecurityGroup, SecurityRule, StateChange, Subnet, Vpc,
};
