//! Checks over HTTP, TCP and MLLP, and the two tasks that reach what is no cloud: a request and a command.
//!
//! Every address that one of them would reach goes through [`address`]. Nothing here repeats a try: the engine does.

pub mod address;
mod cadence;
mod command;
mod expect;
#[cfg(test)]
mod fake;
mod hl7;
mod http_check;
mod http_parts;
mod http_request;
mod mllp_check;
mod mllp_frame;
mod process;
mod tcp_check;
mod text;
mod tls;

pub use command::Command;
pub use expect::{BODY_MAX_BYTES, Expect};
pub use http_check::{HttpCheck, Method};
pub use http_request::{HttpRequest, RequestMethod};
pub use mllp_check::{MllpCheck, ProcessingId};
pub use tcp_check::TcpCheck;

use lifeboat_contract::Catalog;

/// Adds every kind of this crate to the catalog.
pub fn register(catalog: &mut Catalog) {
    catalog.check::<HttpCheck>().check::<TcpCheck>().check::<MllpCheck>();
    catalog.task::<HttpRequest>().task::<Command>();
}
