//! What `lifeboat parity` compares on AWS: one file for each kind of resource.
//!
//! Reads only. Ids, ARNs and names of regions and zones never become part of a snapshot: they differ by nature.

#[cfg(feature = "parity")]
mod cache;
mod cluster;
mod load_balancer;
#[cfg(feature = "parity")]
mod quotas;
mod ranges;
#[cfg(feature = "parity")]
mod secrets;
mod security_groups;
mod tags;
mod vpc;

#[cfg(feature = "parity")]
pub use cache::ReplicationGroupOf;
pub use cluster::Cluster;
pub use load_balancer::LoadBalancer;
#[cfg(feature = "parity")]
pub use quotas::Quotas;
#[cfg(feature = "parity")]
pub use secrets::Secrets;
pub use security_groups::SecurityGroups;
pub use vpc::Vpc;

/// Adds every kind of resource.
pub(crate) fn register(catalog: &mut lifeboat_contract::Catalog) {
    catalog.comparable::<Vpc>().comparable::<SecurityGroups>();
    catalog.comparable::<Cluster>().comparable::<LoadBalancer>();
    #[cfg(feature = "parity")]
    catalog.comparable::<ReplicationGroupOf>().comparable::<Secrets>().comparable::<Quotas>();
}
