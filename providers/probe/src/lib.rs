//! Checks over HTTP and TCP: they ask, and never change anything.
//!
//! Every address that a check would reach goes through [`address`]. Nothing here repeats a try: the engine does.

pub mod address;
mod cadence;
mod expect;
#[cfg(test)]
mod fake;
mod http_check;
mod tcp_check;

pub use expect::{BODY_MAX_BYTES, Expect};
pub use http_check::{HttpCheck, Method};
pub use tcp_check::TcpCheck;

use lifeboat_contract::Catalog;

/// Adds every check of this crate to the catalog.
pub fn register(catalog: &mut Catalog) {
    catalog.check::<HttpCheck>().check::<TcpCheck>();
}
