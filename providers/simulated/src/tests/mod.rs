//! Tests of whole worlds: a small one is built, asked over its wire formats, and judged by its own figures.

#![expect(clippy::float_cmp, reason = "figures are exact: sums of whole milliseconds")]

mod auto_scaling;
mod databases;
mod documents;
mod eks;
mod elastic;
mod engines;
mod faults;
mod file_systems;
mod fixture;
mod load;
mod network_balancing;
mod networks;
mod over_time;
mod permissions;
mod power;
mod repeatable;
mod traffic;
mod wire;
