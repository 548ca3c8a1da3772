//! Step kinds for Azure, over Azure Resource Manager's own REST interface.
//!
//! Every byte goes through the [`Wire`](lifeboat_contract::Wire) that the program was given; nothing here retries or reads a
//! clock of its own. This crate never decides whether a change is made: that is the engine's part.

mod arm;
mod arm_id;
mod claims;
mod connection;
mod credentials;
pub mod dependencies;
mod environment;
mod errors;
pub mod file_share;
mod grants;
mod ip_configurations;
pub mod load_balancer_backend;
mod needs;
pub mod network_interface;
mod operations;
mod poller;
pub mod power_state;
#[cfg(test)]
mod recorded;
mod resource;
pub mod role;
pub mod route;
pub mod security_rule;
pub mod traffic_manager_endpoint;
mod transport;

pub use connection::{Azure, Caller, caller_permission};
pub use credentials::{ClientSecret, Credentials};
pub use environment::{BadEnvironment, CloudEnvironment};
pub use file_share::FileShare;
pub use grants::permissions_permission;
pub use load_balancer_backend::LoadBalancerBackend;
pub use network_interface::NetworkInterface;
pub use power_state::MachinePower;
pub use route::Route;
pub use security_rule::SecurityRule;
pub use traffic_manager_endpoint::TrafficManagerEndpoint;

/// Adds every Azure kind.
pub fn register(catalog: &mut lifeboat_contract::Catalog) {
    catalog
        .change::<LoadBalancerBackend>()
        .change::<MachinePower>()
        .change::<NetworkInterface>()
        .change::<Route>()
        .change::<SecurityRule>()
        .change::<TrafficManagerEndpoint>()
        .check::<FileShare>();
}
