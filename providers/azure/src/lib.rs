//! Step kinds for Azure, over Azure Resource Manager's own REST interface.
//!
//! Every byte goes through the [`Wire`](lifeboat_contract::Wire) that the program was given; nothing here retries or reads a
//! clock of its own. This crate never decides whether a change is made: that is the engine's part.

mod arm;
mod arm_id;
mod connection;
mod credentials;
mod environment;
mod errors;
mod operations;
mod poller;
#[cfg(test)]
mod recorded;
mod resource;
pub mod route;
mod transport;

pub use connection::{Azure, Caller};
pub use credentials::{ClientSecret, Credentials};
pub use environment::{BadEnvironment, CloudEnvironment};
pub use route::Route;

/// Adds every Azure kind.
pub fn register(catalog: &mut lifeboat_contract::Catalog) {
    catalog.change::<Route>();
}
