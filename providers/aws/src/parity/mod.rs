//! What `lifeboat parity` compares on AWS: one file for each kind of resource.
//!
//! Reads only. Ids, ARNs and names of regions and zones never become part of a snapshot: they differ by nature.

mod cluster;
mod load_balancer;
mod ranges;
mod security_groups;
mod tags;
mod vpc;

pub use cluster::Cluster;
pub use load_balancer::LoadBalancer;
pub use security_groups::SecurityGroups;
pub use vpc::Vpc;

/// Adds every kind of resource.
pub(crate) fn register(catalog: &mut lifeboat_contract::Catalog) {
    catalog.comparable::<Vpc>().comparable::<SecurityGroups>();
    catalog.comparable::<Cluster>().comparable::<LoadBalancer>();
}
