//! Documents: hardened YAML, read into a tree that knows where in the text each of its nodes stands.
//!
//! Runbooks and worlds are both documents. This module alone names the YAML crate, and it knows nothing of steps.

pub mod decode;
mod node;
mod source;
mod yaml;

pub use decode::decode;
pub use node::{Entry, Node, NodeValue, Span};
pub use source::{BYTES_MAX, Source};
pub use yaml::parse;

pub(super) use node::pin;
pub use node::pinned;
pub(super) use yaml::read;
