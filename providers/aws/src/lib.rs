//! Step kinds for AWS, through the official SDKs.
//!
//! Every byte goes through the [`Wire`](lifeboat_contract::Wire) that the program was given; no SDK retries, and none reads a
//! clock of its own. This crate never decides whether a change is made: that is the engine's part.

mod arn;
pub mod autoscaling_group;
mod connection;
pub mod dependencies;
mod efs_mount;
pub mod eks_nodegroup;
pub mod endpoint_group;
mod errors;
mod evaluation;
pub mod global_cluster;
mod grants;
pub mod instance_state;
pub mod launch_failure;
pub mod listener_weights;
mod operations;
pub mod parity;
mod place;
pub mod policy;
#[cfg(test)]
mod recorded;
mod replication_lag;
pub mod route;
pub mod security_group_fence;
pub mod sizes;
pub mod target_group;
mod transport;

pub use autoscaling_group::AutoScalingGroup;
pub use connection::{Aws, Caller, Credentials};
pub use efs_mount::EfsMount;
pub use eks_nodegroup::Nodegroup;
pub use endpoint_group::EndpointGroup;
pub use global_cluster::GlobalCluster;
pub use grants::simulate_permission;
pub use instance_state::InstanceState;
pub use listener_weights::ListenerWeights;
pub use route::Route;
pub use security_group_fence::SecurityGroupFence;
pub use target_group::TargetGroup;

/// Adds every AWS kind.
pub fn register(catalog: &mut lifeboat_contract::Catalog) {
    catalog.change::<GlobalCluster>().change::<EndpointGroup>().change::<Route>().change::<TargetGroup>();
    catalog.change::<ListenerWeights>().change::<InstanceState>().change::<SecurityGroupFence>();
    catalog.change::<AutoScalingGroup>().change::<Nodegroup>().check::<EfsMount>();
    parity::register(catalog);
}
