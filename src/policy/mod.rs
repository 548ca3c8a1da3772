//! The permissions that a runbook needs, gathered from what its steps declare. Makes no call to any cloud.

mod gather;

pub use gather::{Purpose, Scope, gather};
