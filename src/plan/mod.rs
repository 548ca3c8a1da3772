//! The plan: what a run will do, frozen. Made from a resolved runbook and observations of the live world.
//!
//! A plan is a value that embeds everything needed to execute it, and it carries a digest. It never changes the world.

mod digest;
mod grants;
mod graph;
mod lost;
mod make;
mod value;

pub(crate) use digest::sha256_hex;
pub use grants::ask as ask_for_permissions;
pub use graph::ancestors;
pub use lost::{LostRegion, LostRegions, Standing, StepWithout, hold, regions_of, warnings};
pub(crate) use make::forward;
pub use make::{Difference, differences, make};
pub use value::{Plan, PlannedBody, PlannedChange, PlannedStep, PlannedTask, RunbookText, Skip, Warning};
