//! Tests of whole worlds: a small one is built, asked over its wire formats, and judged by its own figures.

#![expect(clippy::float_cmp, reason = "figures are exact: sums of whole milliseconds")]

mod databases;
mod documents;
mod faults;
mod fixture;
mod networks;
mod repeatable;
mod traffic;
mod wire;
