//! Tests of the language on a toy catalog: each broken runbook with its code and the text its caret points at.
//!
//! No cloud is named here.

mod checking;
mod fixture;
mod resolving;
mod schema;
