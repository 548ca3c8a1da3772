//! Step kinds for AWS, through the official SDKs.
//!
//! Every byte goes through the [`Wire`](lifeboat_contract::Wire) that the program was given; no SDK retries, and none reads a
//! clock of its own. This crate never decides whether a change is made: that is the engine's part.

mod arn;
mod connection;
pub mod endpoint_group;
mod errors;
pub mod global_cluster;
mod operations;
#[cfg(test)]
mod recorded;
mod replication_lag;
pub mod route;
pub mod target_group;
mod transport;

pub use connection::{Aws, Caller, Credentials};
pub use endpoint_group::EndpointGroup;
pub use global_cluster::GlobalCluster;
pub use route::Route;
pub use target_group::TargetGroup;

/// Adds every AWS kind.
pub fn register(catalog: &mut lifeboat_contract::Catalog) {
    catalog.change::<GlobalCluster>().change::<EndpointGroup>().change::<Route>().change::<TargetGroup>();
}
