//! Lifeboat executes disaster-recovery runbooks: it plans, runs, verifies and rolls back.
//!
//! Text becomes a document, a document a runbook, a runbook a plan, a plan a journal. No module here but `wiring` names a cloud.

pub mod cli;
pub mod drill;
pub mod engine;
pub mod journal;
pub mod parity;
pub mod plan;
pub mod policy;
pub mod rehearse;
pub mod report;
pub mod runbook;
pub mod wire;
pub mod wiring;
