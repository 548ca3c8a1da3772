//! The one integration binary: linking is slow, so every test outside the crates lives in a module here.

#[cfg(feature = "aws")]
mod active_passive;
#[cfg(feature = "aws")]
mod ci_examples;
#[cfg(feature = "aws")]
mod conformance;
#[cfg(all(feature = "aws", feature = "azure"))]
mod corpus;
#[cfg(feature = "parity")]
mod documents;
#[cfg(feature = "aws")]
mod drill;
#[cfg(feature = "aws")]
mod drill_interrupt;
mod engine_crash;
mod engine_late;
mod engine_promises;
mod engine_tasks;
#[cfg(feature = "aws")]
mod hostile_bytes;
mod journal_bytes;
#[cfg(all(feature = "parity", feature = "azure"))]
mod lost_regions;
#[cfg(feature = "aws")]
mod mistakes;
#[cfg(feature = "aws")]
mod multi_cluster;
#[cfg(all(feature = "aws", debug_assertions))]
mod mutations;
#[cfg(feature = "aws")]
mod overlay_vip;
#[cfg(feature = "parity")]
mod parity;
#[cfg(all(feature = "aws", feature = "azure"))]
mod policy;
#[cfg(feature = "aws")]
mod program;
mod properties;
#[cfg(feature = "parity")]
mod region_failover;
#[cfg(feature = "parity")]
mod rehearse;
#[cfg(feature = "aws")]
mod reports;
#[cfg(feature = "aws")]
mod secrets;
mod toy;
