//! What `lifeboat parity` compares on AWS: one file for each kind of resource.
//!
//! Reads only. Ids, ARNs and names of regions and zones never become part of a snapshot: they differ by nature.

#[cfg(feature = "parity")]
mod cache;
#[cfg(feature = "parity")]
mod certificates;
mod cluster;
mod instance_types;
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
#[cfg(feature = "parity")]
pub use certificates::Certificates;
pub use cluster::Cluster;
pub use instance_types::InstanceTypes;
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
    catalog.comparable::<Cluster>().comparable::<LoadBalancer>().comparable::<InstanceTypes>();
    #[cfg(feature = "parity")]
    catalog.comparable::<ReplicationGroupOf>().comparable::<Secrets>().comparable::<Quotas>();
    #[cfg(feature = "parity")]
    catalog.comparable::<Certificates>();
}
