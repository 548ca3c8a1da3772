//! EC2 Auto Scaling in one region: groups that launch and terminate instances until there are as many as desired.
//!
//! Knows no scaling policies and no schedules: a group's size changes when somebody asks for it, or an instance is lost.

mod activities;
mod contents;
mod describe;
mod input;
mod lifecycle;
mod operations;
mod scaling;
mod sizes;
mod state;

pub(crate) use lifecycle::Ground;
pub(crate) use operations::PROCESSES;
pub(crate) use scaling::GROUP_TAG;
pub(crate) use sizes::Sizes;
pub(crate) use state::{AutoScaling, Failure, Group};
