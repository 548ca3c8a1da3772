//! Rehearses a runbook: runs it in a simulated world again and again, killed at every record, every request failing in every way,
//! resumed or rolled back, and judges the world.
//!
//! Judges by the world and the journal alone, never by the engine's opinion. Changes nothing outside this process.

mod explore;
mod fault;
mod judge;
mod matrix;
mod memory;
mod scenario;
mod stage;
mod witness;

pub use explore::{Explored, Rehearsal, explore};
pub use fault::{BadScript, Fault, Policy, Script};
pub use judge::Violation;
pub use matrix::{json, text};
pub use scenario::{NoScenario, Scenario};
pub use stage::{Ending, Performance};
