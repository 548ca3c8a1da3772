//! Wires: how bytes reach a cloud, and the layers around that.
//!
//! At the bottom stands [`Network`] or [`Cloud`] (a simulated cloud in another process, served there by [`serve`]); around it
//! [`RateLimit`], [`Impairment`], [`Audit`] and, while planning, [`ReadOnly`]. Each is a small struct around a `SharedWire`.
//! Nothing here retries, and nothing here knows what a step is.

mod audit;
mod body;
mod budget;
mod cloud;
mod dial;
mod door;
mod guard;
mod impairment;
mod network;
mod protocol;
mod rate;
mod serve;
#[cfg(test)]
mod test_wire;

pub use audit::{Audit, AuditFile, AuditSink, NoAudit};
pub use cloud::{BadCloudAddress, Cloud};
pub use guard::ReadOnly;
pub use impairment::Impairment;
pub use network::Network;
pub use rate::RateLimit;
pub use serve::serve;
