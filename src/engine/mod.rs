//! Executes a plan: a pure core that folds records and decides, and a thin driver that acts.
//!
//! `state`, `intent`, `decide` and `watch` have no async, no IO, no clock and no logging. The engine never names a cloud.

mod attempt;
mod change;
mod check;
mod decide;
mod driver;
mod gate;
mod intent;
mod ledger;
mod mutation;
mod state;
mod task;
mod undo;
mod watch;

pub use decide::{Command, decide};
pub use driver::{Approver, Cancel, Declined, Engine, EngineError, Left, Setting};
pub use intent::Intent;
pub use ledger::Notice;
pub use mutation::Mutation;
pub use state::{Illegal, RunState, Stage, Standing, StepPhase, StepState};
pub use watch::{Direction, Verdict, Watch, judge};

/// Receives what happens, as it happens. Never asked anything, and never able to hold the run up.
pub trait Reporter {
    fn notice(&mut self, notice: &Notice<'_>) -> std::io::Result<()>;
}
