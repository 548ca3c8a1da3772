//! The one integration binary: linking is slow, so every test outside the crates lives in a module here.

#[cfg(feature = "aws")]
mod active_passive;
#[cfg(feature = "aws")]
mod ci_examples;
#[cfg(feature = "aws")]
mod conformance;
#[cfg(feature = "aws")]
mod documents;
#[cfg(feature = "aws")]
mod drill;
mod engine_crash;
mod engine_promises;
mod engine_tasks;
mod journal_bytes;
#[cfg(feature = "aws")]
mod multi_cluster;
#[cfg(feature = "aws")]
mod overlay_vip;
#[cfg(feature = "aws")]
mod program;
#[cfg(feature = "aws")]
mod region_failover;
#[cfg(feature = "aws")]
mod rehearse;
#[cfg(feature = "aws")]
mod secrets;
mod toy;
