//! Tests of the language on a toy catalog: each broken runbook with its code and the text its caret points at.
//!
//! No cloud is named here, except in `providers`.

mod checking;
mod drills;
mod fixture;
mod providers;
mod resolving;
mod schema;
