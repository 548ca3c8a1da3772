//! Rehearses a runbook: runs it in a simulated world again and again, killed at every record, every request failing in every way,
//! resumed or rolled back, and judges the world.
//!
//! Judges by the world and the journal alone, never by the engine's opinion. Changes nothing outside this process.

mod explore;
mod fault;
mod fork;
mod judge;
mod junit;
mod life;
mod log;
mod memory;
mod pairs;
mod points;
mod scenario;
mod stage;
mod tally;
mod told;
mod witness;

pub use explore::{Budget, Explored, Extent, Outcome, Progress, Rehearsal, Tell, explore, world_after};
pub use fault::{BadScript, Fault, Policy, Script};
pub use judge::Violation;
pub use junit::junit;
pub use pairs::Pairs;
pub use scenario::{NoScenario, Scenario};
pub use stage::{Ending, Performance};
pub use told::{json, markdown, text};
